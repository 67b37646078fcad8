import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { loadIdentity } from '../identity.ts'
import { MEMORY_WITH_ENGINE } from '../service/service-limits.ts'
import { writeAgentFile } from '../setup/agent-file.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const EDGE = ['--edge', 'https://edge.example.org'] as const

/** Answers as systemd 252 does, and writes down what it was asked. */
const SYSTEMCTL = `#!/bin/sh
echo "$*" >> "$0.asked"
case "$*" in
  *property=Version*) echo 252.38-1 ;;
  *show*) cat "$0.state" ;;
  *restart*) exit $(cat "$0.restart" 2>/dev/null || echo 0) ;;
esac`
const JOURNALCTL = '#!/bin/sh\necho first; echo last'
const STATE = `NRestarts=3
MainPID=0
Result=exit-code
StatusText=starting llama-cpp
LoadState=loaded
ActiveState=activating
SubState=auto-restart
UnitFileState=enabled
ExecMainStatus=3
`

describe('infernet-agent service', () => {
  let folder: string
  let systemctl: string
  let unit: string
  const asked = (): string[] =>
    existsSync(`${systemctl}.asked`)
      ? readFileSync(`${systemctl}.asked`, 'utf8').split('\n').slice(0, -1)
      : []

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'infernet-'))
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    systemctl = join(bin, 'systemctl')
    for (const [path, text] of [
      [systemctl, SYSTEMCTL],
      [join(bin, 'journalctl'), JOURNALCTL],
    ] as const) {
      writeFileSync(path, text)
      chmodSync(path, 0o755)
    }
    writeFileSync(`${systemctl}.state`, STATE)
    unit = join(folder, 'config', 'systemd', 'user', 'infernet-agent.service')
  })

  async function service(args: readonly string[], env: Record<string, string> = {}) {
    const child = spawn(process.execPath, [MAIN, 'service', ...args], {
      cwd: folder,
      env: {
        ...process.env,
        PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
        XDG_CONFIG_HOME: join(folder, 'config'),
        XDG_DATA_HOME: join(folder, 'share'),
        ...env,
      },
    })
    const output = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text))
    await once(child, 'close')
    return { code: child.exitCode, ...output }
  }

  it('installs for a user what unit shows, with the key that run would use', async () => {
    writeFileSync(join(folder, 'my model.gguf'), '')
    const args = ['--user', ...EDGE, '--', '--model', 'a=my model.gguf', '--slots', '2']
    const preview = await service(['unit', ...args])
    const { code, out, err } = await service(['install', ...args])
    expect({ code, err }).toEqual({ code: EXIT.ok, err: '' })
    const text = readFileSync(unit, 'utf8')
    expect(text).toBe(preview.out)
    expect(text).toContain(
      `ExecStart=${process.execPath} ${MAIN} run --edge=https://edge.example.org ` +
        `--model=a=${folder}/my\\x20model.gguf --slots=2 --data=${folder}/share/infernet\n`,
    )
    const { peer } = loadIdentity(join(folder, 'share', 'infernet', 'agent', 'key.pem')).identity
    expect(out).toContain(`runs: ${peer}`)
    expect(out).toContain('loginctl enable-linger')
    expect(asked().slice(-3)).toEqual([
      '--user daemon-reload',
      '--user enable infernet-agent.service',
      '--user restart infernet-agent.service',
    ])
  })

  it('takes what setup has chosen, beneath its own options', async () => {
    writeAgentFile(join(folder, 'share', 'infernet', 'agent.json'), {
      edge: 'https://chosen.example.org',
      engine: 'tiny',
      slots: 2,
    })
    const { code, out, err } = await service(['install', '--user', '--', '--slots', '3'])
    expect({ code, err }).toEqual({ code: EXIT.ok, err: '' })
    expect(readFileSync(unit, 'utf8')).toContain(
      ` run --slots=3 --edge=https://chosen.example.org --engine=tiny --data=${folder}/share/infernet\n`,
    )
    expect(out).toContain('agent.json; after a new setup, install again')
  })

  it('takes for files what the named engine takes for files, whatever else is given', async () => {
    writeFileSync(join(folder, 'm.gguf'), '')
    const engine = ['--engine', 'tiny', '--engine-url', 'http://127.0.0.1:8000']
    const { out } = await service(['unit', '--user', ...EDGE, '--', ...engine, '--model', 'm.gguf'])
    expect(out).toContain(` --model=${folder}/m.gguf `)
    expect(out).toContain(`MemoryMax=${MEMORY_WITH_ENGINE}\n`)
  })

  it('takes an engine’s key from the environment into a file, never into the unit', async () => {
    const env = { INFERNET_ENGINE_KEY: 's3cret', INFERNET_EDGE: 'https://e' }
    const args = ['install', '--user', '--json', '--', '--engine-url', 'http://127.0.0.1:8000']
    const { code, out } = await service(args, env)
    expect(code).toBe(EXIT.ok)
    expect(JSON.parse(out)).toMatchObject({ unit, up: true })
    const text = readFileSync(unit, 'utf8')
    const key = join(folder, 'config', 'infernet-agent', 'engine-key')
    expect(text).toContain(`LoadCredential=engine-key:${key}\n`)
    expect(text).toContain('--edge=https://e ')
    expect(text).not.toContain('s3cret')
    expect(readFileSync(key, 'utf8')).toBe('s3cret')
  })

  it.each([
    [['--edge', 'nonsense'], EXIT.usage, 'write it like https://'],
    [[...EDGE, '--', '--engine', 'tony'], EXIT.usage, 'Allowed choices'],
    [[...EDGE, '--env', 'INFERNET_ENGINE_KEY=k'], EXIT.usage, 'Everybody can read a unit'],
  ])('writes nothing for %j', async (args, code, message) => {
    const result = await service(['install', '--user', ...args])
    expect(result.code).toBe(code)
    expect(result.err).toContain(message)
    expect([unit, join(folder, 'share')].map((path) => existsSync(path))).toEqual([false, false])
    expect(asked()).toEqual([])
  })

  it('says the agent’s last words when it does not start', async () => {
    writeFileSync(`${systemctl}.restart`, '1')
    const { code, err } = await service(['install', '--user', ...EDGE, '--', '--engine', 'tiny'])
    expect(code).toBe(EXIT.service)
    expect(err).toMatch(/systemctl restart[^]*first\n {2}last\n→ /)
  })

  it('shows the state with next steps, and tells by its exit code whether it runs', async () => {
    const bad = await service(['status', '--user'])
    expect(bad.code).toBe(EXIT.notServing)
    expect(bad.out).toMatch(/waiting to be restarted[^]*restarts +3[^]*exit code 3/)
    expect(bad.out).toContain('  last\n')
    expect(bad.out).toContain('→ the engine cannot run')
    const good = STATE.replace('activating', 'active').replace('auto-restart', 'running')
    writeFileSync(`${systemctl}.state`, good)
    const { code, out } = await service(['status', '--user', '--json'])
    expect(code).toBe(EXIT.ok)
    expect(JSON.parse(out)).toMatchObject({
      active: 'active',
      restarts: 3,
      journal: ['first', 'last'],
    })
  })

  it('removes the unit and keeps the key', async () => {
    await service(['install', '--user', ...EDGE, '--', '--engine', 'tiny'])
    const { code, out } = await service(['uninstall', '--user'])
    expect({ code, out }).toEqual({
      code: EXIT.ok,
      out: `removed ${unit}\nkept ${folder}/share/infernet/agent\n`,
    })
    expect(existsSync(unit)).toBe(false)
    const again = await service(['uninstall', '--user', '--purge', '--json'])
    expect(JSON.parse(again.out)).toEqual({ removed: [], kept: [] })
    expect(existsSync(join(folder, 'share', 'infernet', 'agent', 'key.pem'))).toBe(true)
  })

  it('purges the data of the service, not of an agent that is run by hand', async () => {
    const byHand = join(folder, 'share', 'infernet', 'agent')
    loadIdentity(join(byHand, 'key.pem'))
    await service(['install', '--user', ...EDGE, '--', '--engine', 'tiny', '--data', 'its own'])
    const { out } = await service(['uninstall', '--user', '--purge', '--json'])
    expect(JSON.parse(out)).toEqual({ removed: [unit, join(folder, 'its own', 'agent')], kept: [] })
    expect(existsSync(byHand)).toBe(true)
  })

  it('explains where there is no systemd', async () => {
    const { code, err } = await service(['status', '--user'], { PATH: '/nowhere' })
    expect(code).toBe(EXIT.service)
    expect(err).toContain('no systemd of this user answers')
  })
})
