/**
 * The life of an engine that we started. `starting`: it runs and does not answer yet. `failing`: it
 * was killed and is not gone yet. `waiting`: it is gone and will be started again. `leaving`: it is
 * asked to end so that its memory is free. `resting`: it has, and is not started until it is woken.
 * `returning`: it was woken before it had ended, and will be started when it has. `stopping`: the
 * owner wants it gone. `stopped`: it is, for good.
 */
export type SupervisorState =
  | 'waiting'
  | 'starting'
  | 'up'
  | 'failing'
  | 'leaving'
  | 'resting'
  | 'returning'
  | 'stopping'
  | 'stopped'

/** `healthy`: it answered. `hung`: it has not for too long. `retry`: the wait is over. */
export type SupervisorEvent = 'retry' | 'healthy' | 'hung' | 'exited' | 'rest' | 'wake' | 'stop'

const SUPERVISOR_TRANSITIONS: Record<
  SupervisorState,
  Partial<Record<SupervisorEvent, SupervisorState>>
> = {
  waiting: { retry: 'starting', rest: 'resting', stop: 'stopped' },
  starting: {
    healthy: 'up',
    hung: 'failing',
    exited: 'waiting',
    rest: 'leaving',
    stop: 'stopping',
  },
  up: { hung: 'failing', exited: 'waiting', rest: 'leaving', stop: 'stopping' },
  failing: { exited: 'waiting', rest: 'leaving', stop: 'stopping' },
  leaving: { exited: 'resting', wake: 'returning', stop: 'stopping' },
  resting: { wake: 'waiting', stop: 'stopped' },
  returning: { exited: 'waiting', rest: 'leaving', stop: 'stopping' },
  stopping: { exited: 'stopped' },
  stopped: {},
}

/** The state after `event`, or undefined when it comes too late and must have no effect. */
export const moveSupervisor = (
  state: SupervisorState,
  event: SupervisorEvent,
): SupervisorState | undefined => SUPERVISOR_TRANSITIONS[state][event]
