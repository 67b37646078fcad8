/**
 * The life of an engine that we started. `starting`: it runs and does not answer yet. `failing`: it
 * was killed and is not gone yet. `waiting`: it is gone and will be started again. `stopping`: the
 * owner wants it gone. `stopped`: it is, for good.
 */
export type SupervisorState = 'waiting' | 'starting' | 'up' | 'failing' | 'stopping' | 'stopped'

/** `healthy`: it answered. `hung`: it has not for too long. `retry`: the wait is over. */
export type SupervisorEvent = 'retry' | 'healthy' | 'hung' | 'exited' | 'stop'

const SUPERVISOR_TRANSITIONS: Record<
  SupervisorState,
  Partial<Record<SupervisorEvent, SupervisorState>>
> = {
  waiting: { retry: 'starting', stop: 'stopped' },
  starting: { healthy: 'up', hung: 'failing', exited: 'waiting', stop: 'stopping' },
  up: { hung: 'failing', exited: 'waiting', stop: 'stopping' },
  failing: { exited: 'waiting', stop: 'stopping' },
  stopping: { exited: 'stopped' },
  stopped: {},
}

/** The state after `event`, or undefined when it comes too late and must have no effect. */
export const moveSupervisor = (
  state: SupervisorState,
  event: SupervisorEvent,
): SupervisorState | undefined => SUPERVISOR_TRANSITIONS[state][event]
