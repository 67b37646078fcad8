/**
 * A job's life on the agent. `waiting`: the engine works, nothing has come out. `answering`: bytes
 * flow. `flushing`: the engine is done, bytes wait for credit. The other states are final.
 */
export type JobState =
  | 'waiting'
  | 'answering'
  | 'flushing'
  | 'ended'
  | 'failed'
  | 'cancelled'
  | 'lost'

/**
 * `data`, `finish` and `fail` come from the engine; `flushed` when the last byte went out; `cancel`
 * from the edge; `abandon` from the agent, out of time or stopping; `lose` when the connection is gone.
 */
export type JobEvent = 'data' | 'finish' | 'fail' | 'flushed' | 'cancel' | 'abandon' | 'lose'

const JOB_TRANSITIONS: Record<JobState, Partial<Record<JobEvent, JobState>>> = {
  waiting: {
    data: 'answering',
    finish: 'flushing',
    fail: 'failed',
    cancel: 'cancelled',
    abandon: 'failed',
    lose: 'lost',
  },
  answering: {
    data: 'answering',
    finish: 'flushing',
    fail: 'failed',
    cancel: 'cancelled',
    abandon: 'failed',
    lose: 'lost',
  },
  flushing: { flushed: 'ended', cancel: 'cancelled', abandon: 'failed', lose: 'lost' },
  ended: {},
  failed: {},
  cancelled: {},
  lost: {},
}

/** The state after `event`, or undefined when it comes too late and must have no effect. */
export const moveJob = (state: JobState, event: JobEvent): JobState | undefined =>
  JOB_TRANSITIONS[state][event]

/** Whether a job in this state can no longer change. */
export const isFinal = (state: JobState): boolean =>
  state === 'ended' || state === 'failed' || state === 'cancelled' || state === 'lost'
