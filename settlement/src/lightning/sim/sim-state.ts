import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { SimulationError } from './sim-errors.ts'

// What a simulated network remembers, all of it plain data: what is not in here does not survive a restart.

const hex = z.string().regex(/^[0-9a-f]*$/)
/** Decimal strings in the file. */
const amount = z.union([z.bigint(), z.string().regex(/^[0-9]+$/)]).transform(BigInt)

const htlcSchema = z.object({
  payer: hex,
  amountMsat: amount,
  expiryHeight: z.number().int(),
  acceptHeight: z.number().int(),
})

const invoiceSchema = z.object({
  paymentHash: hex,
  preimage: hex,
  paymentSecret: hex,
  bolt11: z.string(),
  memo: z.string(),
  amountMsat: amount,
  hold: z.boolean(),
  keysend: z.boolean(),
  cltvExpiry: z.number().int(),
  createdAt: z.number(),
  expirySeconds: z.number(),
  state: z.enum(['OPEN', 'ACCEPTED', 'SETTLED', 'CANCELED']),
  addIndex: amount,
  settleIndex: amount,
  settledAt: z.number(),
  paidMsat: amount,
  htlc: htlcSchema.nullable(),
})

const paymentSchema = z.object({
  paymentHash: hex,
  bolt11: z.string(),
  amountMsat: amount,
  feeMsat: amount,
  createdAt: z.number(),
  index: amount,
  status: z.enum(['IN_FLIGHT', 'SUCCEEDED', 'FAILED']),
  failureReason: z.string(),
  preimage: hex,
  /** Public keys from the payer to the payee. */
  route: z.array(hex),
})

const nodeSchema = z.object({
  alias: z.string(),
  privateKey: hex,
  macaroonKey: hex,
  invoices: z.array(invoiceSchema),
  payments: z.array(paymentSchema),
  lastAddIndex: amount,
  lastSettleIndex: amount,
  lastPaymentIndex: amount,
  /** URIs that each baked macaroon allows, by its identifier. */
  permissions: z.record(hex, z.array(z.string())),
})

const networkSchema = z.object({
  version: z.literal(1),
  blockHeight: z.number().int(),
  nodes: z.array(nodeSchema),
  channels: z.array(z.object({ a: hex, b: hex, aMsat: amount, bMsat: amount })),
})

export type SimHtlc = z.output<typeof htlcSchema>
export type SimInvoice = z.output<typeof invoiceSchema>
export type SimPayment = z.output<typeof paymentSchema>
export type SimNodeState = z.output<typeof nodeSchema>
export type SimNetworkState = z.output<typeof networkSchema>
export type SimChannel = SimNetworkState['channels'][number]

/** LND's regtest networks start there in our suites as well. */
const FIRST_HEIGHT = 500

export const emptyNetwork = (): SimNetworkState => ({
  version: 1,
  blockHeight: FIRST_HEIGHT,
  nodes: [],
  channels: [],
})

/** Undefined when there is no file yet. Throws {@link SimulationError} `state_file`. */
export function readState(path: string): SimNetworkState | undefined {
  try {
    return networkSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new SimulationError('state_file', `${path} is not a simulated network`, { cause })
  }
}

/** Whole or not at all: a killed process leaves the old file or the new one. */
export function writeState(path: string, state: SimNetworkState): void {
  const text = JSON.stringify(state, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  writeFileSync(`${path}.new`, text, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}
