import type { Verdict } from './goals.ts'
import { rotate } from './rounds.ts'
import { type JobCost, SimulatedHub } from './simulated-hub.ts'
import { median } from './statistics.ts'

/** Providers of one model on one hub; the first is what the others are compared with. */
const PROVIDER_COUNTS = [1, 10, 100, 1_000, 10_000] as const

/** How much a hub with ten thousand providers may cost, as a multiple of one with a single one. */
const FLAT = 1.2
const GOAL = `a job costs the hub the same with 1 and with 10,000 providers, at most ${FLAT} x`

/** How long to measure. */
export interface DispatchBudget {
  readonly rounds: number
  /** Batches of jobs per hub and round: enough for a few garbage collections. */
  readonly batches: number
  /** V8 has optimised everything after so many, and most providers have measures. */
  readonly warmUpBatches: number
}

export const FULL_DISPATCH: DispatchBudget = { rounds: 15, batches: 250, warmUpBatches: 1_500 }
export const QUICK_DISPATCH: DispatchBudget = { rounds: 5, batches: 120, warmUpBatches: 700 }

/** The cost of a job on a hub with so many providers: medians over the rounds. */
export interface DispatchRow extends JobCost {
  readonly providers: number
  /** Medians of what it is to the first row's in the same round. */
  readonly dispatchRatio: number
  readonly jobRatio: number
}

/**
 * Measures what a job costs a hub by the number of its providers, in this process and without a
 * network. In each round every hub runs equally many jobs, each time starting with another hub.
 */
export async function measureDispatch(
  budget: DispatchBudget,
  onStep: (text: string) => void,
): Promise<DispatchRow[]> {
  onStep('warming simulated hubs')
  const hubs = PROVIDER_COUNTS.map((providers) => new SimulatedHub(providers))
  for (const hub of hubs) await hub.run(budget.warmUpBatches)
  const rounds: Map<SimulatedHub, JobCost>[] = []
  for (let round = 0; round < budget.rounds; round++) {
    onStep(`dispatch, round ${round + 1} of ${budget.rounds}`)
    const costs = new Map<SimulatedHub, JobCost>()
    for (const hub of rotate(hubs, round)) costs.set(hub, await hub.run(budget.batches))
    rounds.push(costs)
  }
  const base = hubs[0]
  return hubs.map((hub) => {
    const over = (figure: (own: JobCost, first: JobCost) => number): number =>
      median(
        rounds.flatMap((costs) => {
          const [own, first] = [costs.get(hub), base && costs.get(base)]
          return own === undefined || first === undefined ? [] : [figure(own, first)]
        }),
      ) ?? 0
    return {
      providers: hub.providers,
      dispatchNs: over((own) => own.dispatchNs),
      jobNs: over((own) => own.jobNs),
      dispatchRatio: over((own, first) => own.dispatchNs / first.dispatchNs),
      jobRatio: over((own, first) => own.jobNs / first.jobNs),
    }
  })
}

/** Whether the cost of a job is flat; nothing when that was not measured. */
export function judgeDispatch(rows: readonly DispatchRow[]): Verdict[] {
  if (rows.length === 0) return []
  const ratio = Math.max(...rows.map(({ jobRatio }) => jobRatio))
  const outcome = ratio <= FLAT ? 'met' : 'NOT met'
  return [{ target: 'infernet-hub', text: GOAL, outcome, ratio }]
}

/** The rows as a section of the Markdown report. */
export function renderDispatch(rows: readonly DispatchRow[]): string[] {
  if (rows.length === 0) return []
  const line = ({ providers, ...row }: DispatchRow): string => {
    const [dispatch, job] = [row.dispatchNs.toFixed(0), row.jobNs.toFixed(0)]
    return `| ${providers} | ${dispatch} | ${row.dispatchRatio.toFixed(2)} | ${job} | ${row.jobRatio.toFixed(2)} |`
  }
  return [
    '## One job on a hub with so many providers (`dispatch`)\n',
    '| providers | order to frame ns | x | order to record ns | x |',
    '|---:|---:|---:|---:|---:|',
    ...rows.map(line),
    '',
  ]
}
