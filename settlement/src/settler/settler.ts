import type { SettlerAsk } from '@infernet/schemas/settler-wire'
import { EscrowDesk } from '../escrow/escrow-desk.ts'
import type { EscrowStore } from '../escrow/escrow-store.ts'
import type { DeskRim } from '../intake/desk-rim.ts'
import { InvoiceDesk } from '../intake/invoice-desk.ts'
import type { InvoiceStore } from '../intake/invoice-store.ts'
import { together } from '../intake/retry.ts'
import type { LightningBackend, NodeInfo } from '../lightning/lightning-backend.ts'
import { PayoutEngine, type PayoutEngineOptions } from '../payout/payout-engine.ts'
import type { PayoutHooks } from '../payout/payout-hooks.ts'
import type { PayoutStore } from '../payout/payout-store.ts'
import { decisionLoop, paidJobLoop, quoteLoop } from './escrow-loop.ts'
import { observedEscrows } from './observed-escrows.ts'
import { observedInvoices, type Observers } from './observed-invoices.ts'
import { observedPayouts } from './observed-payouts.ts'
import { nodeLoop } from './node-loop.ts'
import { orderLoop } from './order-loop.ts'
import { payoutLoop } from './payout-loop.ts'
import { PayoutRunner } from './payout-runner.ts'
import type { PayoutSettings } from './provider-policy.ts'
import { releaseLoop } from './release-loop.ts'
import type { Released } from './release-parts.ts'
import { slashLoop } from './slash-loop.ts'
import type { CarriedOut } from './carry-out-slash.ts'
import type { LiftedPaid } from './pay-lifted-slash.ts'
import { RowTroubles } from './row-troubles.ts'
import type { SettlerKeys } from './settler-key.ts'
import type { LeaseError } from './settler-lease.ts'
import type { SettlerRows } from './settler-rows.ts'
import { transferLoop } from './transfer-loop.ts'
import { withdrawalLoop } from './withdrawal-loop.ts'
import { runLoop, type Alarm, type WorkLoop } from './work-loop.ts'

/** Between two looks for payouts that nobody drives. */
const RESUME_MS = 5_000
/** A desk runs until it throws; then it is started again. */
const DESK_PAUSE_MS = 1_000

/** Time and chance, and waits that end when `signal` aborts. */
export interface SettlerRim {
  /** Unix ms. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly newPayoutId: () => string
}

export interface SettlerParts {
  readonly node: NodeInfo
  /** Receives. */
  readonly intake: LightningBackend
  /** Pays, while the lease is held: see `leasedBackend`. */
  readonly payout: Pick<LightningBackend, 'pay' | 'track'>
  readonly invoices: InvoiceStore
  readonly payouts: PayoutStore
  readonly escrows: EscrowStore
  readonly rows: SettlerRows
  readonly edge: {
    ask(ask: SettlerAsk, signal?: AbortSignal): Promise<{ bolt11: string | undefined }>
  }
  readonly requestInvoice: PayoutEngineOptions['requestInvoice']
  readonly keys: SettlerKeys
  readonly settings: PayoutSettings
  readonly observers: Observers
  readonly alarm: Alarm
  readonly rim: SettlerRim
}

/**
 * Everything that a settler does while it has the lease, until `signal` aborts; `meanwhile` runs beside it,
 * and whatever of it throws ends all. Returns when nothing is written any more. Throws `LeaseError`.
 */
export async function runSettler(
  parts: SettlerParts,
  meanwhile: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController()
  const until = AbortSignal.any([signal, stop.signal])
  const fatal = Promise.withResolvers<void>()
  const untilFatal = async (during: AbortSignal): Promise<void> => {
    // One that has ended ends all, payments that are under way included.
    during.addEventListener('abort', () => stop.abort(), { once: true })
    until.addEventListener('abort', () => fatal.resolve(), { once: true })
    await fatal.promise
  }
  const { loops, runner } = work(parts, until, fatal.reject)
  const rim = {
    ...parts.rim,
    stumbled: (loop: string, error: unknown) => {
      parts.observers.metrics.loopFailed(loop)
      parts.observers.log('loop_failed', { loop, error })
    },
  }
  try {
    await together(until, [
      untilFatal,
      ...meanwhile,
      ...loops.map((loop) => (during: AbortSignal) => runLoop(loop, parts.alarm, rim, during)),
    ])
  } finally {
    stop.abort()
    await runner.stopped()
  }
}

function work(parts: SettlerParts, signal: AbortSignal, lost: (error: LeaseError) => void) {
  const { rows, rim, settings, observers, edge, intake, keys, node } = parts
  const { log, at } = observers
  const isEscrow = async (hash: string) => (await parts.escrows.find(hash)) !== undefined
  const invoices = observedInvoices(parts.invoices, observers, isEscrow)
  const escrows = observedEscrows(parts.escrows, observers)
  const problem = (kind: string) => (id: string, error: unknown) =>
    log(`${kind}_problem`, { id, error })
  const deskParts = (kind: string) => ({
    backend: intake,
    preimageKey: keys.preimageKey,
    rim: deskRim(rim, problem(kind)),
  })
  const invoiceDesk = new InvoiceDesk({ ...deskParts('topup'), store: invoices })
  const escrowDesk = new EscrowDesk({ ...deskParts('escrow'), store: escrows })
  const engine = new PayoutEngine({
    store: observedPayouts(parts.payouts, observers, lost),
    lightning: parts.payout,
    node,
    keysendKey: keys.keysendKey,
    requestInvoice: parts.requestInvoice,
    hooks: payoutHooks(rim, observers),
    signal,
  })
  const runner = new PayoutRunner({
    engine,
    troubles: new RowTroubles(rim),
    problem: problem('payout'),
    lost,
  })
  const onReleased = ({ parts, msat }: Released) => {
    observers.metrics.released(msat)
    log('earnings_released', { parts, amount_msat: msat })
    observers.ring()
  }
  const onCarriedOut = ({ id, provider, refundedMsat, forfeitedMsat }: CarriedOut) => {
    log('slash_final', { id, provider, refunded_msat: refundedMsat, forfeited_msat: forfeitedMsat })
    observers.ring()
  }
  const onLiftedPaid = ({ lease, provider, msat }: LiftedPaid) => {
    log('slash_lifted_paid', { lease, provider, amount_msat: msat })
    observers.ring()
  }
  const common = (kind: string) => ({ troubles: new RowTroubles(rim), problem: problem(kind), at })
  const escrowParts = () => ({
    ...rows,
    ...common('escrow'),
    store: escrows,
    desk: escrowDesk,
    edge,
  })
  const { preimageKey } = keys
  const loops: WorkLoop[] = [
    { name: 'intake', pauseMs: DESK_PAUSE_MS, page: desk(invoiceDesk) },
    { name: 'escrows', pauseMs: DESK_PAUSE_MS, page: desk(escrowDesk) },
    orderLoop({ ...common('topup'), orders: rows, desk: invoiceDesk, preimageKey }),
    transferLoop({ ...common('transfer'), pending: rows.pending, edge, onTold: observers.ring }),
    slashLoop({ ...rows, onCarriedOut, onLiftedPaid }),
    releaseLoop({ ...rows, ...common('earnings'), onReleased }),
    withdrawalLoop({ funded: rows.funded, runner, at }),
    payoutLoop({ ...rim, ...common('payout'), payable: rows.payable, runner, settings }),
    quoteLoop(escrowParts()),
    paidJobLoop(escrowParts()),
    decisionLoop(escrowParts()),
    resumeLoop(runner),
    nodeLoop(intake, log),
  ]
  return { loops, runner }
}

const desk =
  (one: { run(signal: AbortSignal): Promise<void> }): WorkLoop['page'] =>
  async (signal) => {
    await one.run(signal)
    return false
  }

const resumeLoop = (runner: PayoutRunner): WorkLoop => ({
  name: 'resume',
  pauseMs: RESUME_MS,
  page: async () => {
    runner.resume()
    return false
  },
})

const deskRim = (
  { now, random, sleep }: SettlerRim,
  problem: (id: string, error: unknown) => void,
): DeskRim => ({
  now: () => Math.floor(now() / 1000),
  random,
  sleep,
  problem: ({ id, error }) => problem(id, error),
})

const payoutHooks = ({ now, random, sleep }: SettlerRim, { log, at }: Observers): PayoutHooks => ({
  now,
  random,
  sleep: async (ms, signal) => {
    await sleep(ms, signal)
    signal.throwIfAborted()
  },
  report: (notice) => {
    if (notice.kind === 'stumbled') log('payout_stumbled', notice)
    else log('payout_unknown', { payout: notice.attempt.payout, reason: notice.reason })
  },
  at: (step) => at(step),
})
