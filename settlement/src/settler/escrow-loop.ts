import { MAX_TRANSFERS_PER_ASK, type SettlerAsk } from '@infernet/schemas/settler-wire'
import type { EscrowDesk } from '../escrow/escrow-desk.ts'
import { EscrowError } from '../escrow/escrow-error.ts'
import { DEFAULT_HOLD_BLOCKS, MAX_LIVE_ESCROWS } from '../escrow/escrow-limits.ts'
import type { EscrowOrder, EscrowStore } from '../escrow/escrow-store.ts'
import { JOB_QUOTE_SECONDS } from '../job-price.ts'
import type { AtStep } from './crash-at.ts'
import { eachRow } from './each-row.ts'
import type { QuotedJob } from './escrow-rows.ts'
import type { RowTroubles } from './row-troubles.ts'
import { ROUND_MS, type WorkLoop } from './work-loop.ts'

export interface EscrowLoopParts {
  readonly quoted: (limit: number) => Promise<readonly QuotedJob[]>
  readonly paid: (limit: number) => Promise<readonly string[]>
  readonly decided: (limit: number) => Promise<readonly string[]>
  readonly store: Pick<EscrowStore, 'find'>
  readonly desk: Pick<EscrowDesk, 'open' | 'decide'>
  readonly edge: { ask(ask: SettlerAsk, signal?: AbortSignal): Promise<unknown> }
  readonly troubles: RowTroubles
  readonly problem: (id: string, error: unknown) => void
  readonly at: AtStep
}

/** Makes hold invoices for jobs that are quoted. */
export const quoteLoop = (parts: EscrowLoopParts): WorkLoop => ({
  name: 'quotes',
  pauseMs: ROUND_MS,
  async page(signal) {
    const { quoted, desk, troubles, problem, at } = parts
    await eachRow({
      rows: await quoted(MAX_LIVE_ESCROWS + troubles.size),
      idOf: ({ id }) => id,
      work: async (job) => {
        at('escrow:opening')
        await desk.open(escrowOrder(job))
        at('escrow:opened')
      },
      troubles,
      // With all places taken the others wait; that is no trouble of theirs.
      problem: (id, error) => (isFull(error) ? undefined : problem(id, error)),
      signal,
    })
    return false
  },
})

/** Has the edge run jobs whose payment is held. It claims them in Postgres, so asking twice is nothing. */
export const paidJobLoop = (parts: Pick<EscrowLoopParts, 'paid' | 'edge' | 'at'>): WorkLoop => ({
  name: 'paid_jobs',
  pauseMs: ROUND_MS,
  async page(signal) {
    const jobs = await parts.paid(MAX_TRANSFERS_PER_ASK)
    if (jobs.length === 0) return false
    parts.at('job:asking')
    await parts.edge.ask({ kind: 'jobs', jobs: [...jobs] }, signal)
    parts.at('job:asked')
    return false
  },
})

/** Carries out at once what the edge has decided; the desk's own rounds would take half a minute. */
export const decisionLoop = (parts: EscrowLoopParts): WorkLoop => ({
  name: 'decisions',
  pauseMs: ROUND_MS,
  async page(signal) {
    const { decided, store, desk, troubles, problem, at } = parts
    await eachRow({
      rows: await decided(MAX_LIVE_ESCROWS + troubles.size),
      idOf: (paymentHash) => paymentHash,
      work: async (paymentHash) => {
        const decision = (await store.find(paymentHash))?.decision
        if (decision === undefined) return
        at('escrow:deciding')
        await desk.decide(paymentHash, decision)
        at('escrow:decided')
      },
      troubles,
      problem,
      signal,
    })
    return false
  },
})

const escrowOrder = ({ id, accountId, model, priceMsat }: QuotedJob): EscrowOrder => ({
  job: id,
  attempt: 0,
  payer: `client:${accountId}`,
  amountMsat: priceMsat,
  memo: `Infernet job ${id}, ${model}`.slice(0, MAX_MEMO_LENGTH),
  expirySeconds: JOB_QUOTE_SECONDS,
  cltvExpiry: DEFAULT_HOLD_BLOCKS,
})

/** Of characters: model names are ASCII as a rule, and wallets show little more. */
const MAX_MEMO_LENGTH = 120

const isFull = (error: unknown): boolean =>
  error instanceof EscrowError && error.code === 'too_many'
