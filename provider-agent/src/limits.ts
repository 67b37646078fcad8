import { MAX_SCORED_CANDIDATES, MAX_TRANSCRIPT_BYTES } from '@infernet/schemas/limits'

/** The agent's own bounds; those it shares with the edge are in `@infernet/schemas/limits`. */

/** How often deadlines, keep-alive and load are looked at: one timer for all jobs. */
export const SWEEP_INTERVAL_MS = 250
/** What something follows waits this long to ride with it: `accept` for an answer, `head` for its first bytes. */
export const ACCEPT_DELAY_MS = 5
/** Load is a hint for matching, which counts its own leases too. */
export const LOAD_INTERVAL_MS = 1_000
/** Of it, how fast answers were and how full the cache is: nobody decides by the second. */
export const FIGURES_INTERVAL_MS = 5_000

/** Edges take 30 capability records a minute; an engine that comes and goes must not exceed that. */
export const CAPABILITY_INTERVAL_MS = 2_500

/** TCP, TLS and HTTP upgrade; then challenge, hello and welcome within the same time again. */
export const DIAL_TIMEOUT_MS = 10_000
/** How long a closing handshake may take before the socket is cut. */
export const CLOSE_TIMEOUT_MS = 2_000
/** However seldom an edge wants to hear from us: its silence must be noticed. */
export const MAX_PING_INTERVAL_MS = 60_000
/** Pings that may go unanswered before the socket counts as dead. */
export const MISSED_PONGS = 2
/** Bytes waiting in the shared socket above which engines are paused, and below which they go on. */
export const SOCKET_HIGH_WATER_BYTES = 1024 * 1024
export const SOCKET_LOW_WATER_BYTES = 256 * 1024
/**
 * More than may wait in the socket for an edge that asks and does not read: above all transcripts that are kept,
 * and what four verified answers take.
 */
export const MAX_SOCKET_BACKLOG_BYTES = 128 * 1024 * 1024
/** Of the body that comes with a refused upgrade: an error message, not a page. */
export const MAX_REFUSAL_BYTES = 4_096

/** Running jobs may take this long to finish after the first SIGTERM. */
export const DRAIN_GRACE_MS = 30_000
/** Before a planned close, how long to wait for the edge to acknowledge the last receipts. */
export const RECEIPT_GRACE_MS = 2_000

/** Receipts finished within this time of each other share one signature. */
export const RECEIPT_BATCH_DELAY_MS = 50
/** Batches sent and not yet acknowledged: enough to fill a round trip, few enough to resend. */
export const MAX_RECEIPT_BATCHES_IN_FLIGHT = 4
/** Batches kept for an edge that is away: 640,000 jobs, about 500 MB. */
export const MAX_OUTBOX_BATCHES = 10_000
/** Batches kept in memory where the disk takes none: 12,800 jobs, about 10 MB, and 64 MiB at the most. */
export const MAX_UNSTORED_BATCHES = 200
/** How often those are tried again: a disk that is full stays so for a while. */
export const RECEIPT_STORE_RETRY_MS = 10_000

/** Transcripts kept for audits: at 170 bytes a token, the last 1,500 answers of 250 tokens. */
export const MAX_TRANSCRIPTS_BYTES = 64 * 1024 * 1024
/** An edge asks when it has the receipt; one that restarts meanwhile does not ask again. */
export const TRANSCRIPT_TTL_MS = 10 * 60_000

/** Answers that a verifier looks at at a time: what embedded engines do side by side. Each takes up to 60 MB. */
export const MAX_ASKS_AT_ONCE = 4
/** Answers that wait for it: a minute's work. */
export const MAX_ASKS_WAITING = 60
/** Of what waits, each with the ids of an answer and maybe a request: eight of the largest. */
export const MAX_ASKS_WAITING_BYTES = 64 * 1024 * 1024
/** Of an answer, so that its scores fit a frame: a head of 8 bytes, and of each token 9 and 8 a candidate. */
export const MAX_SCORED_TOKENS = Math.floor(
  (MAX_TRANSCRIPT_BYTES - 8) / (9 + 8 * MAX_SCORED_CANDIDATES),
)

/** How long a start waits for the owner's node, whose key the edge is told with the first word. */
export const NODE_WAIT_MS = 3_000
/** Until a node that has never answered is asked again who it is. */
export const NODE_RETRY_MS = 10_000
/** How long an invoice for our earnings can be paid: the edge wants 10 minutes, and tries at once. */
export const INVOICE_EXPIRY_SECONDS = 3_600
/** Invoices being made at a time; edges ask for four. */
export const MAX_INVOICES_AT_ONCE = 8
/** New invoices a day: one every 17 s. A node keeps each for ever, in about 1 KB. */
export const MAX_INVOICES_PER_DAY = 5_000

/** What all jobs together may hold, however large the machine: 4,000 usual ones, or as many images as a card reads. */
export const MAX_JOBS_MEMORY_BYTES = 1024 * 1024 * 1024

/** Jobs at once when `--slots` does not say; right for llama-server's default and small GPUs. */
export const DEFAULT_SLOTS = 4
/** What the edge is told to wait after `busy`: a fraction of a typical answer. */
export const BUSY_RETRY_MS = 500
