import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { FRAME } from '@infernet/schemas/frame'
import { encodeControl } from '@infernet/schemas/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { agentStatusSchema, modelListSchema, type AgentStatus } from '../control/agent-status.ts'
import { AgentWatch } from '../control/agent-watch.ts'
import { openControl } from '../control/open-control.ts'
import { dataDir } from '../data-dir.ts'
import { EventLog, type AgentEvent } from '../events.ts'
import { EXIT } from '../exit-codes.ts'
import { loadIdentity } from '../identity.ts'
import { FakeEdge, type FakeEdgeOptions, type FakeSession } from '../testing/fake-edge.ts'
import { readMetrics, valueOf } from '../testing/read-metrics.ts'
import { jsonLine } from './event-lines.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const body = { model: 'infernet-demo', messages: [{ role: 'user', content: 'hello' }] }
const newDirectory = () => mkdtempSync(join(tmpdir(), 'infernet-'))

const children: ChildProcessWithoutNullStreams[] = []
const edges: FakeEdge[] = []
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const edge of edges.splice(0)) await edge.close()
})

function start(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } })
  children.push(child)
  const output = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text))
  const exited = once(child, 'close').then(() => ({ code: child.exitCode, ...output }))
  /** Resolves when standard output matches. */
  const says = async (what: RegExp): Promise<void> => {
    while (!what.test(output.out)) await once(child.stdout, 'data')
  }
  return { child, output, exited, says }
}

async function makeEdge(options: FakeEdgeOptions = {}): Promise<FakeEdge> {
  const edge = new FakeEdge(options)
  edges.push(edge)
  await edge.start()
  return edge
}

interface Running {
  readonly edge: FakeEdge
  readonly data: string
  readonly session: FakeSession
  readonly agent: ReturnType<typeof start>
}

/** An agent that is connected. */
async function running(
  flags: readonly string[] = [],
  data = newDirectory(),
  options: FakeEdgeOptions = {},
): Promise<Running> {
  const edge = await makeEdge(options)
  const args = ['run', '--edge', edge.url, '--engine', 'tiny', '--data', data, ...flags]
  const agent = start(args)
  const session = await edge.session()
  await agent.says(/connected/)
  return { edge, data, session, agent }
}

/** A job that is done, with its receipt acknowledged. */
async function oneJob({ session }: Running): Promise<void> {
  const { lease } = session.give(1, body)
  await session.answer(1)
  await session.until(() => session.of(0, FRAME.receipts)[0], 'receipts')
  session.send(FRAME.receiptAck, 0, encodeControl({ results: [{ lease, status: 'stored' }] }))
}

const ask = (command: string, data: string, ...flags: string[]) =>
  start([command, '--data', data, ...flags]).exited

async function statusOf(data: string): Promise<AgentStatus> {
  return agentStatusSchema.parse(JSON.parse((await ask('status', data, '--json')).out))
}

describe('infernet-agent status and models', () => {
  it('show what the running agent is and has done, for people and for programs', async () => {
    const world = await running()
    await oneJob(world)
    const status = await statusOf(world.data)
    expect(status).toMatchObject({
      state: 'connected',
      role: 'provider',
      engine: 'tiny',
      peer: world.session.hello?.peer,
      pid: world.agent.child.pid,
      jobs: { running: 0, done: 1, failed: 0, cancelled: 0, lost: 0, refused: {} },
      receipts: { batches_waiting: 0, batches_dropped: 0, unknown: 0 },
      payouts: { to: null },
      troubles: [
        { event: 'payout_unset', next_step: expect.stringContaining('--payout') as string },
      ],
    })
    expect(status.tokens.completion).toBeGreaterThan(0)
    expect(status.ttft_ms?.p50).toBeGreaterThan(0)
    expect(BigInt(status.earned_msat)).toBeGreaterThan(0n)
    const shown = await ask('status', world.data)
    expect(shown).toMatchObject({ code: EXIT.ok, err: '' })
    expect(shown.out).toMatch(/^state +connected since \d+ s\nedge +ws:/)
    expect(shown.out).toMatch(/jobs +0 of 4 running, 1 done, 0 failed, 0 cancelled\n/)
    const { out } = await ask('models', world.data, '--json')
    const list = modelListSchema.shape.data.parse(JSON.parse(out))
    expect(list).toMatchObject([{ id: 'infernet-demo', offered: true, jobs: { done: 1 } }])
    expect((await ask('models', world.data)).out).toMatch(/model .*\ninfernet-demo +yes +1 /)
  })

  it('end with 9 where no agent is, or none that is connected, and say what to do', async () => {
    const data = newDirectory()
    const nobody = await ask('status', data)
    expect(nobody).toMatchObject({ code: EXIT.notServing, out: '' })
    expect(nobody.err).toContain(`\n→ infernet-agent setup --data ${data}\n`)
    const spaced = join(data, 'my data')
    loadIdentity(dataDir(spaced, {}).key)
    expect((await ask('status', spaced)).err).toContain(`run --edge URL --data '${spaced}'`)
    expect((await ask('drain', data)).code).toBe(EXIT.notServing)
    const lone = start(['run', '--edge', 'http://127.0.0.1:1', '--engine', 'tiny', '--data', data])
    await lone.says(/is the edge running/)
    const { code, out } = await ask('status', data)
    expect(code).toBe(EXIT.notServing)
    expect(out).toMatch(/state +(not connected|connecting)/)
    expect(out).toMatch(/! .*\n +→ .+/)
  })

  it('show the same again each second with --watch', async () => {
    const { data } = await running()
    const watching = start(['status', '--watch', '--json', '--data', data])
    await watching.says(/\n.+\n/)
    watching.child.kill('SIGINT')
    const { code, out } = await watching.exited
    expect(code).toBe(EXIT.ok)
    const lines = out
      .trim()
      .split('\n')
      .map((line) => agentStatusSchema.parse(JSON.parse(line)))
    expect(lines[1]!.at - lines[0]!.at).toBeGreaterThan(900)
  })
})

describe('infernet-agent logs', () => {
  it('shows what has happened, and with -f what happens until the agent ends', async () => {
    const world = await running()
    await oneJob(world)
    const { out } = await ask('logs', world.data, '--json')
    const names = out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event)
    expect(names.slice(0, 2)).toEqual(['key_created', 'payout_unset'])
    expect(names.at(-1)).toBe('job_done')
    const last = await ask('logs', world.data, '--tail', '2')
    expect(last.out).toMatch(
      /^\d\d:\d\d:\d\d connected to .*\n\d\d:\d\d:\d\d done infernet-demo .*\n$/,
    )
    const following = start(['logs', '-f', '--tail', '1', '--data', world.data])
    await following.says(/done/)
    world.agent.child.kill('SIGTERM')
    const followed = await following.exited
    expect(followed).toMatchObject({ code: EXIT.ok, err: '' })
    expect(followed.out).toMatch(/ stopped after 1 jobs.*\n$/)
  })

  it('shows the line as it is where the agent is of another version', async () => {
    const data = newDirectory()
    const watch = new AgentWatch(jsonLine, () => 0)
    const facts = { version: '9', pid: 1, service: undefined, role: 'provider', peer: 'p' }
    const control = await openControl({
      socket: dataDir(data, {}).control,
      metricsPort: undefined,
      watch,
      facts: { ...facts, edge: 'ws://e', startedAt: 0 },
      events: new EventLog(
        () => {},
        () => 0,
      ),
      clock: { now: () => 0, monotonic: () => 0 },
      rssBytes: () => 1,
    })
    const line = watch.take({ event: 'of_tomorrow', what: 1 } as unknown as AgentEvent, 0)
    const { code, out } = await ask('logs', data)
    await control.close()
    expect({ code, out }).toEqual({ code: EXIT.ok, out: line })
  })
})

describe('infernet-agent drain', () => {
  it('lets running jobs finish, refuses new ones, and ends with 0', async () => {
    const { session, data, agent } = await running([], newDirectory(), { windowBytes: 500 })
    // It waits for credit in the middle of its answer.
    session.give(1, body)
    await session.until(() => session.of(1, FRAME.data)[0], 'data')
    const waiting = start(['drain', '--wait', '--data', data])
    await agent.says(/finishing 1 jobs/)
    session.give(2, body)
    expect((await session.answer(2)).types).toEqual([FRAME.busy])
    const again = await ask('drain', data, '--json')
    expect(JSON.parse(again.out)).toMatchObject({ state: 'draining', jobs_running: 1 })
    while (session.of(1, FRAME.end).length === 0) {
      session.credit(1, 500)
      await pause(10)
    }
    expect((await session.answer(1)).end).toBeDefined()
    expect(await waiting.exited).toMatchObject({ code: EXIT.ok, out: 'it has ended\n' })
    expect((await agent.exited).code).toBe(EXIT.ok)
    expect(existsSync(join(data, 'agent', 'control.sock'))).toBe(false)
  })
})

describe('the control socket', () => {
  it('is the owner’s alone, and one agent’s', async () => {
    const { edge, data } = await running()
    const socket = statSync(join(data, 'agent', 'control.sock'))
    expect(socket.mode & 0o777).toBe(0o600)
    const second = await start(['run', '--edge', edge.url, '--engine', 'tiny', '--data', data])
      .exited
    expect(second.code).toBe(EXIT.data)
    expect(second.err).toContain('an agent runs already with this data directory')
    expect(edge.sessions).toHaveLength(1)
    expect((await statusOf(data)).state).toBe('connected')
  })

  it('that a killed agent has left does not stop the next one', async () => {
    const { data, agent } = await running()
    agent.child.kill('SIGKILL')
    await agent.exited
    expect(existsSync(join(data, 'agent', 'control.sock'))).toBe(true)
    expect((await ask('status', data)).code).toBe(EXIT.notServing)
    const next = await running([], data)
    expect(await statusOf(data)).toMatchObject({ state: 'connected', pid: next.agent.child.pid })
  })

  it('is done without where its path is too long', async () => {
    const data = join(newDirectory(), 'x'.repeat(100))
    const { agent } = await running([], data)
    expect(agent.output.out).toContain('the path is too long')
    agent.child.kill('SIGTERM')
    expect((await agent.exited).code).toBe(EXIT.ok)
  })
})

describe('infernet-agent run --metrics-port', () => {
  it('serves what Prometheus reads, on loopback only', async () => {
    const port = await freePort()
    const world = await running(['--metrics-port', String(port)])
    await oneJob(world)
    const response = await fetch(`http://127.0.0.1:${port}/metrics`)
    expect(response.headers.get('content-type')).toContain('version=0.0.4')
    const metrics = readMetrics(await response.text())
    const done = { model: 'infernet-demo', outcome: 'done' }
    expect(valueOf(metrics, 'infernet_agent_jobs_total', done)).toBe(1)
    expect(valueOf(metrics, 'infernet_agent_connected')).toBe(1)
    expect(valueOf(metrics, 'infernet_agent_resident_memory_bytes')).toBeGreaterThan(2 ** 24)
    // Answered by whoever listens on all addresses.
    await expect(fetch(`http://127.0.0.2:${port}/metrics`)).rejects.toThrow('fetch failed')
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404)
  })

  it('says so when the port is taken', async () => {
    const edge = await makeEdge()
    const flags = ['--data', newDirectory(), '--metrics-port', String(edge.port)]
    const run = await start(['run', '--edge', edge.url, '--engine', 'tiny', ...flags]).exited
    expect(run.code).toBe(EXIT.usage)
    expect(run.err).toContain('Choose another --metrics-port')
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
