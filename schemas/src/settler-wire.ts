import { z } from 'zod'
import { isPeerId } from './peer-id.ts'

/**
 * What the settler and the edge say to each other, as JSON texts on one WebSocket that the settler opens.
 * Nothing here is believed: every fact about money is a row in Postgres, and a message only says that
 * there is something to do. A lost message costs a few seconds, no money.
 */

/** The WebSocket path on the edge. The upgrade carries the settler's token as `Authorization: Bearer`. */
export const SETTLER_PATH = '/v1/settler/connect'
/** Longest message in bytes: a page of references. */
export const MAX_SETTLER_MESSAGE_BYTES = 64 * 1024
/** Asks without an answer at a time; more wait at the settler. */
export const MAX_SETTLER_ASKS = 64
/** References in one `transfers` ask. */
export const MAX_TRANSFERS_PER_ASK = 200
/** The settler says `ping` this often; the edge closes after three times as long without a word. */
export const SETTLER_PING_MS = 20_000

const id = z.int().nonnegative()
const reference = z.string().min(1).max(256)

/** What the settler asks for. */
export const settlerAskSchema = z.discriminatedUnion('kind', [
  /** Tell these live balances what `account_transfers` has for them. */
  z.object({
    kind: z.literal('transfers'),
    references: z.array(reference).min(1).max(MAX_TRANSFERS_PER_ASK),
  }),
  /** Ask the agent of a provider for an invoice of its own node. */
  z.object({
    kind: z.literal('invoice'),
    peer: z.string().refine(isPeerId, 'not an Ed25519 peer id'),
    payout: z.string().min(1).max(128),
    attempt: z.int().positive(),
    /** Decimal. */
    amount_msat: z.string().regex(/^[1-9][0-9]{0,15}$/),
  }),
  /** Run these jobs, whose escrow is paid. */
  z.object({ kind: z.literal('jobs'), jobs: z.array(reference).min(1).max(MAX_TRANSFERS_PER_ASK) }),
])
export type SettlerAsk = z.infer<typeof settlerAskSchema>

export const settlerMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ask'), id, ask: settlerAskSchema }),
  z.object({ type: z.literal('ping') }),
])
export type SettlerMessage = z.infer<typeof settlerMessageSchema>

export const edgeMessageSchema = z.discriminatedUnion('type', [
  /** The ask was done; an invoice has its text. */
  z.object({ type: z.literal('done'), id, bolt11: z.string().max(4096).optional() }),
  z.object({
    type: z.literal('failed'),
    id,
    code: z.string().max(64),
    message: z.string().max(512),
  }),
  /** There are new rows. */
  z.object({ type: z.literal('wake') }),
  z.object({ type: z.literal('pong') }),
])
export type EdgeMessage = z.infer<typeof edgeMessageSchema>
