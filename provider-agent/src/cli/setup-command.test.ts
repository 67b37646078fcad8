import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { demoModel } from '../engines/model-file.ts'
import { EXIT } from '../exit-codes.ts'
import { writeAgentFile } from '../setup/agent-file.ts'
import { USUAL_PORTS } from '../setup/engine-ports.ts'
import { findServers } from '../setup/find-servers.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { FakeEngine } from '../testing/fake-engine.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
/** Until what is awaited of a process counts as never to come: a busy machine is slow. */
const PATIENCE = { timeout: 30_000 }

interface Report {
  readonly written: boolean
  readonly peer?: string
  readonly options: Record<string, unknown>
  readonly models: string[]
  readonly priceFrom: string
  readonly changes: { readonly option: string }[]
  readonly notes: string[]
}

describe('infernet-agent setup', () => {
  let edge: FakeEdge
  let engine: FakeEngine
  let home: string
  let data: string
  const children: ChildProcess[] = []

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'infernet-'))
    data = join(home, 'data')
    edge = new FakeEdge()
    engine = new FakeEngine()
    await Promise.all([edge.start(), engine.start()])
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await Promise.all([edge.close(), engine.close()])
  })

  /** With nothing of this machine's but Node. */
  const environment = (more: Record<string, string> = {}) => ({
    HOME: home,
    PATH: dirname(process.execPath),
    ...more,
  })

  function start(args: readonly string[], env?: Record<string, string>): ChildProcess {
    const options = { cwd: home, env: environment(env) }
    const child = spawn(process.execPath, [MAIN, ...args, '--data', data], options)
    children.push(child)
    return child
  }

  async function run(args: readonly string[], env?: Record<string, string>) {
    const child = start(args, env)
    const output = Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
    const [out, err] = await output
    return { code: child.exitCode, out, err }
  }

  async function setUp(args: readonly string[], env?: Record<string, string>): Promise<Report> {
    const { code, out, err } = await run(['setup', '--yes', '--json', ...args], env)
    expect({ code, err }).toEqual({ code: EXIT.ok, err: '' })
    return JSON.parse(out) as Report
  }

  const file = (): string => join(data, 'agent.json')
  const written = () => JSON.parse(readFileSync(file(), 'utf8')) as Record<string, unknown>
  const viaEngine = () => ['--edge', edge.url, '--engine-url', engine.url]

  it('goes from nothing to an agent that is connected with nothing but --data', async () => {
    const report = await setUp([...viaEngine(), '--payout', 'me@wallet.example'])
    expect(report).toMatchObject({ written: true, models: ['big-model'], priceFrom: 'size' })
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    expect(written()).toEqual({
      edge: edge.url,
      'engine-url': engine.url,
      price: 'prompt=100000,completion=400000',
      payout: 'me@wallet.example',
    })
    const agent = start(['run'])
    const said = text(agent.stdout!)
    const session = await edge.session()
    expect(session.hello).toMatchObject({
      peer: report.peer,
      capability: {
        models: [{ id: 'big-model', price: { prompt: 100_000, completion: 400_000 } }],
        payout: { to: { address: 'me@wallet.example' } },
      },
    })
    await session.until(() => session.capability, 'capability')
    agent.kill('SIGTERM')
    expect(await said).toContain(`edge, engine-url, price, payout as ${file()} says\n`)
  })

  it('lies beneath flags and environment, for the doctor too', async () => {
    const said = { edge: edge.url, 'engine-url': engine.url, quantization: 'fp8', slots: 2 }
    writeAgentFile(file(), said)
    start(['run', '--slots', '3'], { INFERNET_QUANTIZATION: 'int4' })
    const session = await edge.session()
    const models = [{ id: 'big-model', quantization: 'int4' }]
    expect(session.hello?.capability).toMatchObject({ slots: 3, models })
    const { code, out } = await run(['doctor', '--json'])
    expect(code).toBe(EXIT.ok)
    expect(out).toContain('big-model answered')
  })

  it('begins where the last one ended, and shows what would change', async () => {
    const before = { edge: edge.url, 'engine-url': engine.url, hours: '22:00-08:00' }
    writeAgentFile(file(), { ...before, price: 'prompt=7,completion=7' })
    const { out } = await run(['setup', '--yes', '--dry-run', '--engine', 'tiny'])
    expect(out).toMatch(/^- {2}engine-url .*\n~ {2}price .*\n\+ {2}engine +tiny\n/m)
    expect(out).toContain('nothing was written')
    expect(written()).toMatchObject(before)
    const first = await setUp(['--engine', 'tiny', '--price', 'prompt=1,completion=2'])
    const after = { engine: 'tiny', price: 'prompt=1,completion=2', hours: '22:00-08:00' }
    expect(written()).toEqual({ edge: edge.url, ...after })
    const { changes, peer, priceFrom } = await setUp([])
    expect({ changes, peer, priceFrom }).toEqual({
      changes: [],
      peer: first.peer,
      priceFrom: 'before',
    })
  })

  it('asks what others ask, whose median it takes', async () => {
    const offer = (peer: string, prompt: string, completion: string) => ({
      provider_name: peer,
      pricing: { prompt, completion, request: '0' },
    })
    edge.options = {
      http(request, response) {
        const isAllowed = request.headers.authorization === 'Bearer a key'
        const isPrices = request.url === '/v1/models/big-model/endpoints'
        if (!isAllowed || !isPrices) return void response.writeHead(401).end()
        const endpoints = [offer('a', '0.1', '1'), offer('b', '0.3', '2.5'), offer('c', '9', '2')]
        response.end(JSON.stringify({ data: { endpoints } }))
      },
    }
    const keys = { INFERNET_CLIENT_KEY: 'a key', INFERNET_ENGINE_KEY: 'another key' }
    const report = await setUp(viaEngine(), keys)
    expect(report.priceFrom).toBe('others')
    expect(written()['price']).toBe('prompt=300000,completion=2000000')
    expect(readFileSync(file(), 'utf8')).not.toMatch(/a key|another key/)
  })

  it('takes a file that fits, and names it from the root on', async ({ skip }) => {
    const servers = await findServers(USUAL_PORTS, AbortSignal.timeout(5_000))
    skip(servers.length > 0, 'setup takes the server of models that runs on this machine')
    cpSync(demoModel().path, join(home, 'my model.gguf'))
    const { options } = await setUp(['--edge', edge.url])
    const model = [`my-model=${join(home, 'my model.gguf')}`]
    expect(options).toMatchObject({ engine: 'llama-cpp', model })
  })

  it('names a file that is given from the root on, and keeps secrets to itself', async () => {
    cpSync(demoModel().path, join(home, 'my model.gguf'))
    const given = ['--model', 'mine=my model.gguf', '--engine', 'tiny', '--engine-key', 's3cret']
    const { out } = await run(['setup', '--yes', '--json', '--edge', edge.url, ...given])
    expect(written()).toMatchObject({
      model: [`mine=${join(home, 'my model.gguf')}`],
      'engine-key': 's3cret',
    })
    expect(out).not.toContain('s3cret')
  })

  it('goes on where the server is not there yet, and says so', async () => {
    const url = engine.url
    await engine.close()
    const { models, notes } = await setUp(['--edge', edge.url, '--engine-url', url])
    expect(models).toEqual([])
    expect(notes).toEqual([expect.stringContaining('is not running: start it')])
    await engine.start()
  })

  it('puts a file aside that run refuses', async () => {
    writeAgentFile(file(), { edge: edge.url, slot: 3 })
    const refused = await run(['run'])
    expect(refused.code).toBe(EXIT.usage)
    expect(refused.err).toMatch(/^infernet-agent: .*agent\.json: 'slot': .*infernet-agent setup\n$/)
    const { notes } = await setUp(viaEngine())
    expect(notes).toEqual([expect.stringContaining(`goes to ${file()}.old: 'slot'`)])
    expect(readFileSync(`${file()}.old`, 'utf8')).toContain('"slot": 3')
  })

  it.each([
    [['setup'], EXIT.usage, 'infernet-agent setup --yes --edge URL'],
    [['setup', '--yes'], EXIT.usage, 'say which edge'],
    [['setup', '--yes', '--edge', 'http://127.0.0.1:1'], EXIT.edge, '→ is the edge running?'],
    [['setup', '--yes', '--edge', 'EDGE', '--engine-url', 'x'], EXIT.usage, '--engine-url http'],
    [['run'], EXIT.usage, 'infernet-agent setup'],
  ])('explains %j, and writes nothing', async (args, code, message) => {
    const result = await run(args.map((arg) => (arg === 'EDGE' ? edge.url : arg)))
    expect(result.err).toContain(message)
    expect(result).toMatchObject({ code, out: '' })
    expect(existsSync(data)).toBe(false)
  })

  it('asks at a terminal, and takes what is typed', async () => {
    const command = [process.execPath, MAIN, 'setup', '--engine-url', engine.url, '--data', data]
    // A terminal of its own, as large as anything that is shown.
    const shell = `stty rows 60 columns 300 && exec ${command.map((word) => `'${word}'`).join(' ')}`
    const env = { ...process.env, ...environment(), PATH: process.env['PATH'], TERM: 'xterm' }
    const child = spawn('script', ['-qefc', shell, '/dev/null'], { cwd: home, env })
    children.push(child)
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', (more: string) => (shown += more))
    const type = async (question: string, keys: string): Promise<void> => {
      await expect.poll(() => shown, PATIENCE).toContain(question)
      child.stdin.write(keys)
    }
    await type('Which edge?', 'nonsense\r')
    await type('is not an edge URL', `\u0015${edge.url}\r`)
    await type('Which price', '\u0015prompt=7,completion=9\r')
    const down = '\u001B[B'
    await type('Where do your earnings go?', `${down}${down}\r`)
    await type('Its public key', `02${'ab'.repeat(32)}\r`)
    await type('Write this to', 'y')
    if (child.exitCode === null) await once(child, 'close')
    expect(child.exitCode).toBe(EXIT.ok)
    expect(written()).toEqual({
      edge: edge.url,
      'engine-url': engine.url,
      price: 'prompt=7,completion=9',
      payout: `keysend:02${'ab'.repeat(32)}`,
    })
    expect(shown).toContain('infernet-agent service install')
  })
})
