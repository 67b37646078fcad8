import type { LoadGenerator } from './load-client.ts'
import type { ClosedLoopPlan, ClosedLoopReport, Destination, HangUpReport } from './load-plan.ts'
import { pinned } from './pin.ts'
import { cpuTimes, type ProcessUsage, readUsage, resetPeakRss } from './process-usage.ts'
import type { Budget, LoopScenario, Scenario } from './scenario.ts'
import { WARM_UPS } from './scenario.ts'
import type { RunningTarget } from './target.ts'

/** One scenario run once against one target. */
export interface Sample {
  readonly round: number
  readonly scenario: string
  readonly target: string
  readonly loop?: ClosedLoopReport
  readonly hangUps?: HangUpReport
  /** By role: processor time spent in this sample, RSS at its end, highest RSS in it. */
  readonly usage: Readonly<Record<string, ProcessUsage>>
}

/** What a run works with. */
export interface Bench {
  readonly targets: ReadonlyMap<string, RunningTarget>
  readonly scenarios: readonly Scenario[]
  readonly budget: Budget
  readonly load: LoadGenerator
  readonly engineUrl: string
  readonly onStep: (text: string) => void
}

/** Streams parsed event by event before anything is measured. */
const STRICT_REQUESTS = 8

/** The list begun at another place, so that over the rounds every target goes first equally often. */
export function rotate<T>(list: readonly T[], by: number): T[] {
  const start = list.length === 0 ? 0 : by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}

/**
 * Warms every target for every kind of request that the scenarios send, checking strictly at first.
 * Returns, by target, the first wrong answer of a target that failed.
 */
export async function warmUp(bench: Bench): Promise<Map<string, string>> {
  const broken = new Map<string, string>()
  const kinds = new Set(bench.scenarios.map((scenario) => scenario.warmUp))
  for (const [name, target] of bench.targets) {
    for (const kind of kinds) {
      bench.onStep(`warming ${name} (${kind})`)
      const { share, concurrency, request } = WARM_UPS[kind]
      const plan: ClosedLoopPlan = {
        kind: 'closed-loop',
        ...destination(target, request),
        concurrency,
        durationMs: bench.budget.warmUpMs * share,
        maxRequests: STRICT_REQUESTS,
        strict: true,
      }
      const checked = await bench.load.closedLoop(plan)
      if (checked.failures > 0) broken.set(name, checked.reasons.join('; '))
      else
        await bench.load.closedLoop({
          ...plan,
          maxRequests: Number.MAX_SAFE_INTEGER,
          strict: false,
        })
    }
  }
  return broken
}

/** Visits every target with every scenario in each round, in rotated order. */
export async function runRounds(bench: Bench): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let round = 0; round < bench.budget.rounds; round += 1) {
    for (const [index, scenario] of bench.scenarios.entries()) {
      if (round >= (scenario.rounds ?? bench.budget.rounds)) continue
      for (const [name, target] of rotate([...bench.targets], round + index)) {
        bench.onStep(`round ${round + 1}/${bench.budget.rounds}, ${scenario.name}, ${name}`)
        const measured = await measure(bench, scenario, target)
        samples.push({ round, scenario: scenario.name, target: name, ...measured })
      }
    }
  }
  return samples
}

type Measured = Pick<Sample, 'loop' | 'hangUps' | 'usage'>

async function measure(bench: Bench, scenario: Scenario, target: RunningTarget): Promise<Measured> {
  const to = destination(target, scenario.request)
  if (scenario.kind === 'closed-loop') {
    const plan = loopPlan(scenario, to, bench.budget.durationMs)
    using _ = scenario.oneCore === true ? pinned(target.pids) : undefined
    const paced = scenario.request.gapMs > 0 // a lead-in would take as long as the measurement
    if (!paced) await bench.load.closedLoop({ ...plan, durationMs: bench.budget.leadInMs })
    const { result, usage } = await withUsage(target, () => bench.load.closedLoop(plan))
    return { loop: result, usage }
  }
  const { result, usage } = await withUsage(target, () =>
    bench.load.hangUps({
      kind: 'hang-up',
      ...to,
      statsUrl: `${bench.engineUrl}/stats`,
      attempts: bench.budget.hangUps,
      hangUpAfterChunks: scenario.hangUpAfterChunks,
    }),
  )
  return { hangUps: result, usage }
}

function destination(target: RunningTarget, request: Scenario['request']): Destination {
  return {
    url: `${target.baseUrl}/chat/completions`,
    headers: target.headers,
    request: { ...request, model: target.model },
  }
}

function loopPlan(scenario: LoopScenario, to: Destination, durationMs: number): ClosedLoopPlan {
  return {
    kind: 'closed-loop',
    ...to,
    concurrency: scenario.concurrency,
    ...(scenario.rampMs === undefined ? {} : { rampMs: scenario.rampMs }),
    durationMs: durationMs + (scenario.rampMs ?? 0),
    maxRequests: Number.MAX_SAFE_INTEGER,
    strict: false,
  }
}

async function withUsage<T>(target: RunningTarget, work: () => Promise<T>) {
  resetPeakRss(target.pids)
  const before = cpuTimes(target.pids)
  const result = await work()
  return { result, usage: readUsage(target.pids, before) }
}
