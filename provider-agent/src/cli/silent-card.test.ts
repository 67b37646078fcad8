import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { CARD, fakeCards, HANGS } from '../hardware/testing/fake-cards.ts'
import { FakeEdge } from '../testing/fake-edge.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const SAID = "the driver of AMD's card0 does not answer"
const newFolder = () => mkdtempSync(join(tmpdir(), 'infernet-'))

const cleaning: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleaning.splice(0)) await clean()
})

async function newEdge(): Promise<FakeEdge> {
  const edge = new FakeEdge()
  cleaning.push(() => edge.close())
  await edge.start()
  return edge
}

/** The agent on a machine with two AMD cards, of which the first does not answer, and without any tool. */
function start(...args: string[]) {
  const cards = fakeCards({ card0: { ...CARD, mem_info_vram_total: HANGS }, card1: CARD })
  const [cwd, home] = [newFolder(), newFolder()]
  const env = { ...process.env, ...cards, PATH: newFolder(), HOME: home }
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env, stdio: 'pipe' })
  cleaning.push(() => child.kill('SIGKILL'))
  child.stdin.end()
  return child
}

async function run(...args: string[]) {
  const child = start(...args)
  const [out, err] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code: child.exitCode, out, err }
}

describe('with a card that does not answer', () => {
  it('hardware says what it knows, what to do, and ends', async () => {
    const { code, out, err } = await run('hardware')
    expect([code, err]).toEqual([EXIT.ok, ''])
    expect(out).toMatch(/^AMD GPU 0x744c +24\.0 GiB .*61 °C, 1\.0 GiB used/m)
    expect(out).toContain(`${SAID}\n  a card that is reset`)
    const { code: code2, out: json } = await run('hardware', '--json')
    expect(code2).toBe(EXIT.ok)
    expect(JSON.parse(json)).toMatchObject({
      gpus: [{ vendor: 'amd', vram_mib: 24_576 }],
      now: [{ temperature_c: 61 }],
      troubles: [{ message: SAID }],
    })
  })

  it('doctor and its bundle end, and say it', async () => {
    const edge = await newEdge()
    const node = 'keysend:0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
    const flags = ['--edge', edge.url, '--engine', 'tiny', '--data', newFolder(), '--json']
    const { code, out } = await run('doctor', ...flags, '--payout', node)
    const { checks } = JSON.parse(out) as { checks: { id: string; said: string }[] }
    expect(checks.find(({ id }) => id === 'gpu')).toMatchObject({ outcome: 'warning', said: SAID })
    expect(code).toBe(EXIT.ok)
    expect((await run('debug', 'bundle', ...flags)).code).toBe(EXIT.ok)
  })

  it('setup ends, and says it', async () => {
    const edge = await newEdge()
    const flags = ['--edge', edge.url, '--engine', 'tiny', '--data', newFolder()]
    const { code, out, err } = await run('setup', '--yes', '--dry-run', '--json', ...flags)
    expect([code, err]).toEqual([EXIT.ok, ''])
    expect(JSON.parse(out)).toMatchObject({ found: { troubles: [SAID] } })
  })

  it('an agent that watches its GPUs says it, works, and stops', async () => {
    const edge = await newEdge()
    const flags = ['--edge', edge.url, '--engine', 'tiny', '--data', newFolder(), '--json']
    const child = start('run', ...flags, '--max-temp', '80')
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (more: string) => (out += more))
    const session = await edge.session()
    expect(session.hello?.capability.models).toHaveLength(1)
    await expect.poll(() => out, { timeout: 30_000 }).toContain(SAID)
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(code).toBe(EXIT.ok)
  })
})
