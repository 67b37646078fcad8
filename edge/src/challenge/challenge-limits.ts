/** Of a challenge: eight decide about one machine that is two providers, five about two machines. */
export const MAX_BLOCKS = 12
/** Requests that one provider gets at a time: an account may have 64 open, 16 canaries and some embeddings among them. */
export const MAX_STREAMS = 20
/** Of each answer: some seconds' work, and little money. */
export const ANSWER_TOKENS = 48
/** After it whoever is not ready has delivered what it has. */
export const ROUND_TIMEOUT_MS = 60_000
/** Times that who is ready is asked once more, so that the other is not alone meanwhile. */
export const MAX_WAVES = 8
/** The longest pause before a round: requests of clients come in bursts and pauses too. */
export const MAX_PAUSE_MS = 2_000
/** Who has many jobs is waited for, so often and so long: its last answers may just be called off. */
export const ROOM_TRIES = 5
export const ROOM_WAIT_MS = 2_000
/** Providers are looked at so often, however many requests come: it takes a millisecond for thousands. */
export const LOOK_INTERVAL_MS = 1_000
/** A pair whose machines have not become clear is asked again after it. */
export const UNCLEAR_PAUSE_MS = 3_600_000
/** One whose machines are two, and who still look like one. */
export const APART_PAUSE_MS = 7 * 24 * 3_600_000
/** After an ask that the account could not pay. */
export const UNPAID_PAUSE_MS = 60_000
/** Pairs that are remembered, the latest. */
export const MAX_PAIRS = 4_096

/** How long one of two that are one machine rests, unless the other leaves: then it is asked again. */
export const REST_MS = 24 * 3_600_000
/** For jobs that run when it begins. */
export const REST_GRACE_MS = 30_000
/** Those who rest that are remembered, the latest. */
export const MAX_RESTS = 4_096
