import type { ProcessUsage } from './process-usage.ts'
import type { Sample } from './rounds.ts'
import { median } from './statistics.ts'

/**
 * One scenario and target: medians over the rounds. Times in microseconds; undefined where a figure
 * does not apply. "Added" is the difference to `direct` in the same round.
 */
export interface Row {
  readonly scenario: string
  readonly target: string
  readonly failures: number
  readonly reasons: readonly string[]
  readonly requestsPerSecond: number | undefined
  readonly chunksPerSecond: number | undefined
  readonly latencyP50Us: number | undefined
  readonly latencyP99Us: number | undefined
  readonly addedP50Us: number | undefined
  readonly addedP99Us: number | undefined
  readonly firstTokenP50Us: number | undefined
  readonly addedFirstTokenP50Us: number | undefined
  readonly chunkDelayP50Us: number | undefined
  readonly chunkDelayP99Us: number | undefined
  /** All processes between load generator and engine. */
  readonly cpuPerRequestUs: number | undefined
  /** Processes that work for the requests but that no request waits for: the database. */
  readonly besideCpuPerRequestUs: number | undefined
  readonly cpuPerChunkUs: number | undefined
  /** Highest in the scenario, of the process that faces the client. */
  readonly gatewayRssBytes: number | undefined
  /** Highest in the scenario, of all processes together. */
  readonly totalRssBytes: number | undefined
  readonly hangUpMedianUs: number | undefined
  /** Infinity when the engine missed a hang-up in any attempt. */
  readonly hangUpWorstUs: number | undefined
  readonly chunksSentAfterHangUp: number | undefined
}

/** The target that "added" figures refer to. */
export const BASELINE = 'direct'

/** Reduces the samples of all rounds to one row for each scenario and target, in the given order. */
export function summarise(
  samples: readonly Sample[],
  scenarios: readonly string[],
  targets: readonly string[],
): Row[] {
  return scenarios.flatMap((scenario) =>
    targets.flatMap((target) => {
      const group = samples.filter(
        (sample) => sample.scenario === scenario && sample.target === target,
      )
      return group.length === 0 ? [] : [summariseGroup(scenario, target, group, samples)]
    }),
  )
}

function summariseGroup(
  scenario: string,
  target: string,
  group: readonly Sample[],
  all: readonly Sample[],
): Row {
  const figure = (read: (sample: Sample) => number | undefined) =>
    median(group.map(read).filter((value) => value !== undefined))
  const added = (read: (sample: Sample) => number | undefined) =>
    figure((sample) => {
      const base = all.find(
        (other) =>
          other.target === BASELINE &&
          other.scenario === sample.scenario &&
          other.round === sample.round,
      )
      return difference(read(sample), base && read(base))
    })
  const attempts = group.flatMap((sample) => sample.hangUps?.noticedAfterUs ?? [])
  const seen = attempts.map((us) => us ?? Number.POSITIVE_INFINITY)
  return {
    scenario,
    target,
    failures: group.reduce((sum, { loop, hangUps }) => sum + ((loop ?? hangUps)?.failures ?? 0), 0),
    reasons: [...new Set(group.flatMap(({ loop, hangUps }) => (loop ?? hangUps)?.reasons ?? []))],
    requestsPerSecond: figure(({ loop }) => loop?.requestsPerSecond),
    chunksPerSecond: figure(({ loop }) => (loop?.firstTokenUs ? loop.chunksPerSecond : undefined)),
    latencyP50Us: figure(({ loop }) => loop?.latencyUs?.p50),
    latencyP99Us: figure(({ loop }) => loop?.latencyUs?.p99),
    addedP50Us: added(({ loop }) => loop?.latencyUs?.p50),
    addedP99Us: added(({ loop }) => loop?.latencyUs?.p99),
    firstTokenP50Us: figure(({ loop }) => loop?.firstTokenUs?.p50),
    addedFirstTokenP50Us: added(({ loop }) => loop?.firstTokenUs?.p50),
    chunkDelayP50Us: figure(({ loop }) => loop?.chunkDelayUs?.p50),
    chunkDelayP99Us: figure(({ loop }) => loop?.chunkDelayUs?.p99),
    cpuPerRequestUs: figure(({ loop, usage }) =>
      quotient(total(onPath(usage), 'cpuUs'), loop?.requests),
    ),
    besideCpuPerRequestUs: figure(({ loop, usage }) =>
      quotient(total(beside(usage), 'cpuUs'), loop?.requests),
    ),
    cpuPerChunkUs: figure(({ loop, usage }) =>
      quotient(total(onPath(usage), 'cpuUs'), loop?.chunks),
    ),
    gatewayRssBytes: figure(({ usage }) => usage['gateway']?.peakRssBytes),
    totalRssBytes: figure(({ usage }) => total(usage, 'peakRssBytes')),
    hangUpMedianUs: median(seen),
    hangUpWorstUs: seen.length === 0 ? undefined : Math.max(...seen),
    chunksSentAfterHangUp: median(group.flatMap(({ hangUps }) => hangUps?.chunksSent ?? [])),
  }
}

const difference = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a - b

/** Undefined rather than infinite when nothing was counted. */
const quotient = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b

/** Roles that are written to after an answer has left, and are never waited for before it. */
const BESIDE: ReadonlySet<string> = new Set(['database'])

const onPath = (usage: Sample['usage']): Sample['usage'] =>
  Object.fromEntries(Object.entries(usage).filter(([role]) => !BESIDE.has(role)))

const beside = (usage: Sample['usage']): Sample['usage'] =>
  Object.fromEntries(Object.entries(usage).filter(([role]) => BESIDE.has(role)))

/** The sum over a path's processes, or undefined for a path without any. */
function total(usage: Sample['usage'], field: keyof ProcessUsage): number | undefined {
  const values = Object.values(usage).map((process) => process[field])
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
}
