/** Bounds of what a running agent tells about itself. */

/** Models told apart; engines with more are rare, and the rest is counted under one name. */
export const MAX_MODELS_TOLD_APART = 256
/** What the owner has time to read. */
export const MAX_TROUBLES = 10
/** Of a message that came from an engine, a node or an edge. */
export const MAX_TROUBLE_CHARS = 500
/** Over how long "lately" is, in seconds. */
export const LATELY_SECONDS = 60

/** Events kept for `logs`: an hour of a quiet agent, a minute of a busy one. */
export const MAX_EVENTS_KEPT = 2_000
/** Of all of them together, as JSON. */
export const MAX_EVENTS_KEPT_CHARS = 1024 * 1024
/** People and programs that follow the events at a time. */
export const MAX_FOLLOWERS = 8
/** What may wait for one that reads slowly before it is dropped. */
export const MAX_FOLLOWER_BYTES = 256 * 1024

/** Connections to the control socket at a time. */
export const MAX_CONTROL_CONNECTIONS = 32
export const MAX_CONTROL_HEADER_BYTES = 4_096
/** Until a request's headers, or all of it, must be there. */
export const CONTROL_REQUEST_MS = 5_000
/** Until a socket that is there must have answered; an agent that loads a model may be busy. */
export const CONTROL_ANSWER_MS = 5_000
/** At the end, for those who read to have the last lines. */
export const CONTROL_CLOSE_MS = 1_000
/** Longest answer that a command reads: 256 models, or all events kept. */
export const MAX_CONTROL_ANSWER_BYTES = 4 * 1024 * 1024
