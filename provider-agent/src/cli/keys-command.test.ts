import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { UNIT_MARK } from '../service/render-unit.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const newDirectory = () => mkdtempSync(join(tmpdir(), 'infernet-'))

function agent(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { code: status, out: stdout, err: stderr }
}

describe('infernet-agent keys', () => {
  it('creates the key once and shows its name', () => {
    const data = newDirectory()
    const first = agent(['keys', '--data', data])
    const second = agent(['keys', '--data', data, '--json'])
    expect(first.out).toMatch(/^12D3KooW\w+\nkey: /)
    expect(first.out).toContain((JSON.parse(second.out) as { peer: string }).peer)
  })

  it('says where the key cannot be', () => {
    const file = join(newDirectory(), 'file')
    symlinkSync('nowhere', file)
    for (const args of [['keys'], ['run', '--edge', 'http://127.0.0.1:1', '--engine', 'tiny']]) {
      const { code, err } = agent([...args, '--data', file])
      expect(code).toBe(EXIT.data)
      expect(err).toMatch(
        /^infernet-agent: cannot make a key at .* with --data or INFERNET_DATA\n$/,
      )
    }
  })

  it('makes none beside the one of a service', () => {
    const [config, share, data] = [newDirectory(), newDirectory(), newDirectory()]
    const env = { XDG_CONFIG_HOME: config, XDG_DATA_HOME: share }
    const units = join(config, 'systemd', 'user')
    mkdirSync(units, { recursive: true })
    writeFileSync(
      join(units, 'infernet-agent.service'),
      `${UNIT_MARK}\n# Data: ${data}\n\n[Service]\n`,
    )
    const { code, err } = agent(['keys'], env)
    expect({ code, made: readdirSync(share) }).toEqual({ code: EXIT.data, made: [] })
    expect(err).toMatch(
      new RegExp(`in ${data}, which [^]*\n→ infernet-agent keys --data ${data}\n$`),
    )
    const status = agent(['status'], env)
    expect(status.err).toContain(`\n→ infernet-agent status --data ${data}\n`)
    const there = agent(['status', '--data', data], env)
    expect(there.err).toContain('\n→ infernet-agent service status --user\n')
  })
})
