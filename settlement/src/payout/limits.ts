import { jitteredBackoffMs } from '../backoff.ts'

/** Calls to the node at a time; more would only wait there. */
export const MAX_CALLS = 32
/** Invoices asked for at a time; strangers may be slow, and must not keep what is to be paid waiting. */
export const MAX_INVOICE_CALLS = 32
/** Payouts read in one page when the engine boots. */
export const PAGE_SIZE = 500
/** Each is another hash, made only when the node has failed the one before. Then somebody has to look. */
export const MAX_ATTEMPTS = 3
/** Tries to get an invoice for one attempt, from an agent that restarts or a service that is slow. */
export const MAX_INVOICE_REQUESTS = 3
/** A Lightning address is two requests of a few seconds. */
export const INVOICE_WAIT_MS = 20_000

/** How long the node may look for routes; what is under way then goes on. */
export const PAY_TIMEOUT_SECONDS = 30
/** A week of blocks, LND's own limit: money that is stuck on the way is back by then. */
export const CLTV_LIMIT_BLOCKS = 1008
/** LND's default. */
export const MAX_PARTS = 16

/** A payment may be held for hours: asking once a minute costs nothing. */
const BACKOFF = { firstMs: 250, maxMs: 60_000 }

/** How long to wait after `round` tries (from 0) for nothing; `random` is in [0, 1). */
export const backoffMs = (round: number, random: number): number =>
  jitteredBackoffMs(BACKOFF, round, random)
