/** Requests that wait to be asked again, per model: the latest are taken, so that more would only grow old. */
export const MAX_UNUSED_PROMPTS = 64
/** What clients have agreed to is kept no longer, used or not. */
export const PROMPT_LIFETIME_MS = 7 * 24 * 3_600_000
/** Longer requests are rare, and dear to ask twice. */
export const MAX_PROMPT_BYTES = 64 * 1024
/** Time between two that are taken up for one model: each is a write, and 64 are enough. */
export const PROMPT_INTERVAL_MS = 200
/** Prompts on their way to Postgres; it is away when there are more. */
export const MAX_PROMPT_WRITES = 8

/** Canaries that run or wait, in one process: as few as a share of the traffic is. */
export const MAX_CANARIES = 16
/** Models whose traffic is followed, the busiest being the latest. */
export const MAX_FOLLOWED_MODELS = 256
/** Requests of a model that are remembered, to know who serves it and how often. */
export const MAX_RECENT_REQUESTS = 64
/** After a canary that the account could not pay, none is tried for so long. */
export const UNPAID_PAUSE_MS = 60_000

/** Comparisons of embeddings that run at a time; each keeps three answers as numbers. */
export const MAX_COMPARISONS = 4
/** Longer answers are not compared: some 80 vectors. */
export const MAX_COMPARED_BYTES = 1024 * 1024
/** Answers that were chosen and have not reached us yet. */
export const MAX_CHOSEN_ANSWERS = 64
/** Of embeddings; the audit rate of a provider where that is less. */
export const MAX_REDUNDANCY_SHARE = 0.05

/** Of what verifiers score, so much is followed by a check. */
export const VERIFIER_CHECK_SHARE = 0.05
/** So often an outside verifier may say otherwise than an own one: once may be noise, or a fault of ours. */
export const MAX_CONTRADICTIONS = 2
/** Answers whose scores are remembered, per spec and in all, and tokens of each: some 300 kB. */
export const MAX_KNOWN_PER_SPEC = 4
export const MAX_KNOWN_SPECS = 8
export const MAX_KNOWN_TOKENS = 128
