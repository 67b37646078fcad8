/**
 * `quoted`: its hold invoice is to be paid, or was not in time. `running`: it is paid for and somebody runs
 * it. `completed`: the answer is stored, and the payment may be taken. `failed`, `withdrawn`: nothing is
 * paid for.
 */
export type PricedJobState = 'quoted' | 'running' | 'completed' | 'failed' | 'withdrawn'
export type PricedJobEvent = 'claim' | 'complete' | 'fail' | 'withdraw'

/**
 * What is missing cannot happen. `claim` of a running job is by another after the first claim has run out.
 * In Postgres the same table is the guards of the statements in `db/priced-jobs.ts`.
 */
const PRICED_JOB_TRANSITIONS: Readonly<
  Record<PricedJobState, Readonly<Partial<Record<PricedJobEvent, PricedJobState>>>>
> = {
  quoted: { claim: 'running', withdraw: 'withdrawn' },
  running: { claim: 'running', complete: 'completed', fail: 'failed', withdraw: 'withdrawn' },
  completed: {},
  failed: {},
  withdrawn: {},
}

/** The state after `event`; undefined when it cannot happen. */
export const afterJobEvent = (
  state: PricedJobState,
  event: PricedJobEvent,
): PricedJobState | undefined => PRICED_JOB_TRANSITIONS[state][event]

/** Neither runs nor can: no event changes it. */
export const isJobOver = (state: PricedJobState): boolean =>
  Object.keys(PRICED_JOB_TRANSITIONS[state]).length === 0
