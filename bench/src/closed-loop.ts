import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMicros } from './clock.ts'
import { type Ask, type Exchange, exchange } from './exchange.ts'
import type { ClosedLoopPlan, ClosedLoopReport, Destination, Spread } from './load-plan.ts'
import { requestBody } from './load-plan.ts'
import { assertLoopback } from './loopback.ts'
import { percentile } from './statistics.ts'

/** A target that fails this often is broken; going on would only burn the machine. */
const MAX_FAILURES = 20

/** Distinct failure reasons that a report carries. */
const MAX_REASONS = 3

/** Samples kept of one kind: several times what the longest scenario yields. */
const MAX_SAMPLES = 1_000_000

/** Builds what all requests of a plan have in common, with connections of its own (Nagle is off in every Node agent). */
export function askFor(plan: Destination, connections: number, strict: boolean): Ask {
  assertLoopback(plan.url)
  return {
    url: new URL(plan.url),
    headers: plan.headers,
    body: requestBody(plan.request),
    agent: new Agent({ keepAlive: true, maxSockets: connections }),
    stream: plan.request.stream,
    chunks: plan.request.chunks,
    strict,
  }
}

/** Collects at most `MAX_REASONS` distinct failure reasons. */
export function addReason(reasons: string[], reason: string): void {
  if (reasons.length < MAX_REASONS && !reasons.includes(reason)) reasons.push(reason)
}

/**
 * Keeps `concurrency` requests in flight until the time or the number of requests is used up, then
 * waits for those in flight. Rates count what finished inside the window; latencies count all.
 */
export async function runClosedLoop(plan: ClosedLoopPlan): Promise<ClosedLoopReport> {
  const ask = askFor(plan, plan.concurrency, plan.strict)
  const done: Exchange[] = []
  const delays: number[] = []
  const reasons: string[] = []
  const startUs = monotonicMicros()
  const deadlineUs = startUs + plan.durationMs * 1_000
  let started = 0
  let failures = 0
  let chunks = 0
  let chunksInWindow = 0

  const onChunk = (delayUs: number, nowUs: number) => {
    chunks += 1
    if (nowUs <= deadlineUs) chunksInWindow += 1
    if (delays.length < MAX_SAMPLES) delays.push(delayUs)
  }
  const mayStart = () =>
    started < plan.maxRequests && failures < MAX_FAILURES && monotonicMicros() < deadlineUs
  const client = async (index: number) => {
    if (plan.rampMs !== undefined) await sleep((plan.rampMs * index) / plan.concurrency)
    while (mayStart()) {
      started += 1
      const result = await exchange(ask, onChunk)
      if (result.problem === undefined) {
        done.push(result)
      } else {
        failures += 1
        addReason(reasons, result.problem)
      }
    }
  }
  await Promise.all(Array.from({ length: plan.concurrency }, (_, index) => client(index)))
  ask.agent.destroy()

  const windowSeconds = (Math.min(monotonicMicros(), deadlineUs) - startUs) / 1_000_000
  const inWindow = done.filter(({ endedUs }) => endedUs <= deadlineUs).length
  const latency = spreadOf(done.map(({ startedUs, endedUs }) => endedUs - startedUs))
  const firstToken = plan.request.stream
    ? spreadOf(done.map(({ startedUs, firstTokenUs }) => firstTokenUs - startedUs))
    : undefined
  const chunkDelay = spreadOf(delays)
  return {
    requests: done.length,
    failures,
    reasons,
    chunks,
    bytes: done.reduce((sum, { bytes }) => sum + bytes, 0),
    requestsPerSecond: inWindow / windowSeconds,
    chunksPerSecond: chunksInWindow / windowSeconds,
    ...(latency && { latencyUs: latency }),
    ...(firstToken && { firstTokenUs: firstToken }),
    ...(chunkDelay && { chunkDelayUs: chunkDelay }),
  }
}

function spreadOf(values: readonly number[]): Spread | undefined {
  const p50 = percentile(values, 0.5)
  const p99 = percentile(values, 0.99)
  return p50 === undefined || p99 === undefined ? undefined : { p50, p99 }
}
