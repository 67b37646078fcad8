import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ask, exchange } from './exchange.ts'
import type { Verdict } from './goals.ts'
import { requestBody } from './load-plan.ts'
import { listeningUrl, LOOPBACK } from './loopback.ts'
import { jsonAnswer } from './mock-answer.ts'
import { BENCH_MODEL } from './mock-engine.ts'
import { startSimulatedEdge } from './simulated-edge.ts'
import { median } from './statistics.ts'
import type { StepsBudget } from './steps.ts'

/** At most this much of what the edge adds to a request. */
const SHARE = 0.1
const GOAL = `hold and capture of a JSON request, one client, below ${SHARE} x what the edge adds to it`
/** A request here takes so many times what the steps without sockets take. */
const SLOWER = 8
/** Of both servers, so that they are measured as compiled. */
const WARM_UP_ROUNDS = 3

/** Of one JSON request of one client: medians over rounds, µs. */
export interface HoldLatency {
  /** What the edge adds to a server that gives the same answer by itself. */
  readonly edgeUs: number
  /** The hold, which runs beside matching; nothing waits for its commit. */
  readonly holdUs: number
  /** The capture, before the answer goes out; nothing waits for its commit either. */
  readonly captureUs: number
  /** A request's share of commits, which are made later, and keep waiting whoever comes just then. */
  readonly commitUs: number
  /** Median of hold and capture to what the edge adds in the same round. */
  readonly ratio: number
}

/** Measures the live account's part of a whole edge over HTTP, in this process, without agents and Postgres. */
export async function measureHoldLatency(
  budget: StepsBudget,
  onStep: (text: string) => void,
): Promise<HoldLatency> {
  const { rounds } = budget
  const requests = Math.ceil(budget.requests / SLOWER)
  await using cleanup = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bench-hold-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const head = { id: 'chatcmpl-1', model: BENCH_MODEL, created: 1 }
  const answer = Buffer.from(jsonAnswer(head, { promptTokens: 10, completionTokens: 3 }, 0))
  const edge = cleanup.use(await startSimulatedEdge(join(folder, 'accounts.db')))
  const bare = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    })
  })
  await once(bare.listen(0, LOOPBACK), 'listening')
  cleanup.defer(() => {
    bare.close()
    bare.closeAllConnections()
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  cleanup.defer(() => agent.destroy())
  const shape = { model: BENCH_MODEL, stream: false, chunks: 1, gapMs: 0 }
  const body = requestBody({ ...shape, promptBytes: 0 })
  const ask = { body, agent, stream: false, chunks: 1, strict: false }
  const direct: Ask = { ...ask, url: new URL(`${listeningUrl(bare)}/`), headers: {} }
  const through: Ask = { ...ask, url: edge.url, headers: edge.headers }

  const measured: HoldLatency[] = []
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    onStep(`hold and capture: round ${Math.max(0, round + 1)}`)
    const bareUs = await medianLatency(direct, requests)
    edge.takeTimes()
    const edgeUs = (await medianLatency(through, requests)) - bareUs
    const { holdsUs, capturesUs, commitsUs } = edge.takeTimes()
    const holdUs = median(holdsUs) ?? 0
    const captureUs = median(capturesUs) ?? 0
    const commitUs = commitsUs.reduce((sum, us) => sum + us, 0) / requests
    const ratio = (holdUs + captureUs) / edgeUs
    if (round >= 0) measured.push({ edgeUs, holdUs, captureUs, commitUs, ratio })
  }
  const over = (figure: (one: HoldLatency) => number) => median(measured.map(figure)) ?? 0
  return {
    edgeUs: over((one) => one.edgeUs),
    holdUs: over((one) => one.holdUs),
    captureUs: over((one) => one.captureUs),
    commitUs: over((one) => one.commitUs),
    ratio: over((one) => one.ratio),
  }
}

/** One after the other, µs. Throws when an answer is wrong. */
async function medianLatency(ask: Ask, requests: number): Promise<number> {
  const latencies: number[] = []
  for (let n = 0; n < requests; n++) {
    const { startedUs, endedUs, problem } = await exchange(ask, () => undefined)
    if (problem !== undefined) throw new Error(problem)
    latencies.push(endedUs - startedUs)
  }
  return median(latencies) ?? 0
}

/** Whether paying costs a client little time; nothing when that was not measured. */
export function judgeHoldLatency(latency: HoldLatency | undefined): Verdict[] {
  if (latency === undefined) return []
  const { ratio } = latency
  const outcome = ratio < SHARE && ratio > 0 ? 'met' : 'NOT met'
  return [{ target: 'infernet-edge', text: GOAL, outcome, ratio }]
}

/** A section of the Markdown report. */
export function renderHoldLatency(latency: HoldLatency | undefined): string[] {
  if (latency === undefined) return []
  const { edgeUs, holdUs, captureUs, commitUs, ratio } = latency
  return [
    '## What paying adds to a JSON request of one client (`steps`)\n',
    '| part | µs | x |',
    '|---|---:|---:|',
    line('all that the edge adds', edgeUs, 1),
    line('hold', holdUs, holdUs / edgeUs),
    line('capture', captureUs, captureUs / edgeUs),
    line('hold and capture', holdUs + captureUs, ratio),
    line('a share of the commits, which no client waits for', commitUs, commitUs / edgeUs),
    '',
  ]
}

const line = (name: string, us: number, share: number): string =>
  `| ${name} | ${us.toFixed(1)} | ${share.toFixed(3)} |`
