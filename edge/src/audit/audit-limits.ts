/** Answers that wait for their verdict: each keeps its request's body, 8 MB at most and 4 KB as a rule. */
export const MAX_AUDITS_UNDER_WAY = 512
/** Answers whose receipts have not come: those of a tenth of a second, as a rule ... */
export const MAX_UNSELECTED = 1_024
/** ... with so many bytes of requests and answers in all. */
export const MAX_UNSELECTED_BYTES = 16 * 1024 * 1024
/** For the receipt, which follows within 50 ms, and the opening: over a slow uplink 8 MB take a minute. */
export const OPENING_WAIT_MS = 90_000
/** For what is known of a provider that has come; then it counts as a newcomer until it is. */
export const STANDING_WAIT_MS = 2_000
/** Of a verdict that cannot be written. */
export const RECORD_TRIES = 4
export const RECORD_RETRY_MS = 5_000
/** Answers that one verifier scores or renders at a time: it takes four at once and lets a few wait. */
export const MAX_SCORE_ASKS = 16
/**
 * Prompts of answers that are not audited are rendered only by verifiers with fewer asks than this under way, of the four
 * that one works on at once: half of it is always left to audits.
 */
export const MAX_PROMPT_ASKS = 2
/** For a long answer behind others, on a verifier without a GPU. */
export const SCORE_TIMEOUT_MS = 120_000
/** For a verifier that is not the operator's; then an own one is asked, so that none can keep a verdict waiting. */
export const OUTSIDE_WAIT_MS = 30_000
/**
 * How long what an audited answer has earned waits for its verdict at most: for opening and scoring, twice, and for
 * a database that is away for some minutes. An edge that dies forgets the audit, and the provider is paid then.
 */
export const AUDIT_HOLD_MS = 10 * 60_000
