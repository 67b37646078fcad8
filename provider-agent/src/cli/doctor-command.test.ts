import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { FakeEngine } from '../testing/fake-engine.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
/** Where earnings may go without anybody being asked. */
const NODE = 'keysend:0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
const SECRET = 'an engine key of ours'
const newFolder = () => mkdtempSync(join(tmpdir(), 'infernet-'))

const cleaning: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleaning.splice(0)) await clean()
})

function start(args: readonly string[], cwd = newFolder()): ChildProcess {
  const env = { ...process.env, INFERNET_ENGINE_KEY: SECRET }
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env, stdio: 'pipe' })
  cleaning.push(() => child.kill('SIGKILL'))
  return child
}

async function run(args: readonly string[], cwd?: string) {
  const child = start(args, cwd)
  const output = Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
  const [out, err] = await output
  return { code: child.exitCode, out, err }
}

async function newEdge(): Promise<FakeEdge> {
  const edge = new FakeEdge()
  cleaning.push(() => edge.close())
  await edge.start()
  return edge
}

interface Report {
  readonly ok: boolean
  readonly checks: readonly {
    readonly id: string
    readonly outcome: string
    readonly fix?: string
  }[]
}
const outcomeOf = ({ checks }: Report, id: string) =>
  checks.find((check) => check.id === id)?.outcome

describe('infernet-agent doctor', () => {
  it('takes the options of run, finds nothing wrong, and makes nothing', async () => {
    const edge = await newEdge()
    const data = newFolder()
    const args = ['--edge', edge.url, '--engine', 'tiny', '--payout', NODE]
    const { code, out, err } = await run(['doctor', ...args, '--data', data, '--json'])
    expect({ code, err }).toEqual({ code: EXIT.ok, err: '' })
    const report = JSON.parse(out) as Report
    expect(report.ok).toBe(true)
    const outcomes = ['engine', 'payout', 'edge_websocket', 'edge_protocol', 'job'].map((id) =>
      outcomeOf(report, id),
    )
    expect(outcomes).toEqual(['ok', 'ok', 'ok', 'ok', 'skipped'])
    expect(readdirSync(data)).toEqual([])
  })

  it('leaves an engine to the agent that has it, by the one that is named', async () => {
    const edge = await newEdge()
    const flags = ['--edge', edge.url, '--engine', 'tiny', '--data', newFolder()]
    start(['run', ...flags])
    await edge.session()
    const url = ['--engine-url', 'http://127.0.0.1:1']
    const { out } = await run(['doctor', ...flags, ...url, '--json'])
    expect(outcomeOf(JSON.parse(out) as Report, 'engine')).toBe('skipped')
  })

  it('ends at once with Ctrl-C, whatever it waits for', async () => {
    const engine = new FakeEngine()
    await engine.start()
    cleaning.push(() => engine.close())
    const asked = Promise.withResolvers<void>()
    engine.onQuestion = () => (asked.resolve(), 'never')
    const child = start(['doctor', '--engine-url', engine.url, '--data', newFolder(), '--json'])
    const output = Promise.all([text(child.stdout!), once(child, 'close')])
    await asked.promise
    child.kill('SIGINT')
    const [out] = await output
    expect(child.exitCode).toBe(EXIT.interrupted)
    const { checks } = JSON.parse(out) as { checks: { id: string; said: string }[] }
    expect(checks.find(({ id }) => id === 'engine')?.said).toBe('stopped')
  })

  it('says what to type for all that is wrong, in plain text through a pipe', async () => {
    const flags = ['--edge', 'http://127.0.0.1:1', '--engine-url', 'http://127.0.0.1:1']
    const wrong = ['--payout', 'nowhere', '--price', 'free', '--quantization', '?']
    const { code, out } = await run(['doctor', ...flags, ...wrong, '--data', newFolder()])
    expect(code).toBe(EXIT.unwell)
    const faults = out.match(/^✗ +[\w: ]+? {2}/gm)?.map((row) => row.slice(1).trim())
    expect(faults).toEqual(['engine', 'price', 'payout', 'edge: connection'])
    expect(out.match(/^ +→ \S/gm)?.length).toBeGreaterThanOrEqual(4)
    expect(out).toContain('4 checks failed')
    expect(out).not.toContain('\u001B')
  })
})

describe('infernet-agent debug bundle', () => {
  it('has the events of the running agent, and no secret', async () => {
    const edge = await newEdge()
    const engine = new FakeEngine()
    await engine.start()
    cleaning.push(() => engine.close())
    const [data, cwd] = [newFolder(), newFolder()]
    const flags = ['--edge', edge.url, '--engine-url', engine.url, '--data', data]
    start(['run', ...flags])
    await edge.session()
    const { code, out } = await run(['debug', 'bundle', ...flags, '-o', 'b.tar.gz', '--json'], cwd)
    expect(code).toBe(EXIT.ok)
    const { files } = JSON.parse(out) as { files: { name: string }[] }
    const names = files.map(({ name }) => name)
    const all = execFileSync('tar', ['-xOzf', 'b.tar.gz'], { cwd, encoding: 'utf8' })
    const listed = execFileSync('tar', ['-tzf', 'b.tar.gz'], { cwd, encoding: 'utf8' })
    expect(listed.trim().split('\n')).toEqual(names.map((name) => `infernet-debug/${name}`))
    expect(names).toContain('doctor.json')
    expect(all).toContain('"event":"connected"')
    expect(all).not.toContain(SECRET)
    const pem = readFileSync(join(data, 'agent', 'key.pem'), 'utf8')
    expect(all).not.toContain(pem.split('\n')[1])
  })

  it('does without an agent, and overwrites nothing', async () => {
    const cwd = newFolder()
    const args = ['debug', 'bundle', '--engine', 'tiny', '--data', newFolder(), '-o', 'b.tar.gz']
    const first = await run(args, cwd)
    expect(first.code).toBe(EXIT.ok)
    expect(first.out).toContain('versions.json')
    const second = await run(args, cwd)
    expect(second.code).toBe(EXIT.usage)
    expect(second.err).toContain('Name another with -o FILE')
  })
})
