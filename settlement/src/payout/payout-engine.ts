import type { LightningBackend, NodeInfo, PaymentOrder } from '../lightning/lightning-backend.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import { untilFinal } from './attempt-watch.ts'
import { CallSlots } from './call-slots.ts'
import { checkInvoice, checkPayee, DestinationError } from './destination-guard.ts'
import { keysendPreimage } from './keysend-preimage.ts'
import {
  backoffMs,
  CLTV_LIMIT_BLOCKS,
  INVOICE_WAIT_MS,
  MAX_ATTEMPTS,
  MAX_CALLS,
  MAX_INVOICE_CALLS,
  MAX_INVOICE_REQUESTS,
  MAX_PARTS,
  PAGE_SIZE,
  PAY_TIMEOUT_SECONDS,
} from './limits.ts'
import type { PayoutHooks } from './payout-hooks.ts'
import {
  PayoutStoreError,
  type Attempt,
  type AttemptDraft,
  type Payout,
  type PayoutDraft,
  type PayoutFailure,
  type PayoutStore,
} from './payout-store.ts'

export class PayoutEngineError extends Error {
  override readonly name = 'PayoutEngineError'
  readonly code: 'no_invoice' | 'amount_mismatch'

  constructor(code: PayoutEngineError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export interface InvoiceWanted {
  /** As in the payout's destination. */
  readonly whom: string
  readonly payout: string
  readonly attempt: number
  readonly amountMsat: bigint
}

export interface PayoutEngineOptions {
  readonly store: PayoutStore
  readonly lightning: Pick<LightningBackend, 'pay' | 'track'>
  /** The node behind it. */
  readonly node: Pick<NodeInfo, 'pubkey' | 'network'>
  /** Secret; preimages of keysend payments are derived from it. */
  readonly keysendKey: Uint8Array
  /** Gets an invoice. Ends when the signal aborts; throws when there is none. */
  readonly requestInvoice: (wanted: InvoiceWanted, signal: AbortSignal) => Promise<string>
  readonly hooks: PayoutHooks
  /** Stops the engine. What is under way stays in the store for the next one. */
  readonly signal: AbortSignal
  readonly maxCalls?: number
}

/**
 * Pays what the store has to pay, each payout to its one end. It holds nothing of its own: killed at any
 * moment, the next engine goes on from the store. At most one may run on a node at a time.
 */
export class PayoutEngine {
  readonly #options: PayoutEngineOptions
  readonly #hooks: PayoutHooks
  readonly #slots: CallSlots
  readonly #requests = new CallSlots(MAX_INVOICE_CALLS)
  readonly #driven = new Map<string, Promise<Payout>>()

  constructor(options: PayoutEngineOptions) {
    this.#options = options
    this.#hooks = options.hooks
    this.#slots = new CallSlots(options.maxCalls ?? MAX_CALLS)
  }

  /**
   * Opens a payout, or takes the one of that id, and drives it to its end. Throws what `PayoutStore.open`
   * throws; later only the reason of the stop.
   */
  async pay(draft: PayoutDraft): Promise<Payout> {
    this.#hooks.at?.('opening')
    const { id } = await this.#options.store.open(draft)
    this.#hooks.at?.('opened')
    return await this.#drive(id)
  }

  /** At boot: drives everything unfinished to its end. Throws only the reason of a stop. */
  async resume(): Promise<void> {
    const driven: Promise<Payout>[] = []
    for (let page = await this.#pageAfter(''); page.length > 0;) {
      driven.push(...page.map((id) => this.#drive(id)))
      page = await this.#pageAfter(page.at(-1) ?? '')
    }
    await Promise.all(driven)
  }

  #pageAfter(id: string): Promise<readonly string[]> {
    return this.#insist(id, () => this.#options.store.unfinished(id, PAGE_SIZE))
  }

  #drive(id: string): Promise<Payout> {
    const there = this.#driven.get(id)
    if (there !== undefined) return there
    const fresh = new Set<number>()
    const driving = this.#insist(id, () => this.#untilEnd(id, fresh)).finally(() =>
      this.#driven.delete(id),
    )
    // Whoever asked hears of a stop; that nobody did is no fault.
    driving.catch(() => {})
    this.#driven.set(id, driving)
    return driving
  }

  /** Moves on from what the store says, one durable step at a time. */
  async #untilEnd(id: string, fresh: Set<number>): Promise<Payout> {
    for (;;) {
      const payout = await this.#options.store.read(id)
      const last = payout.attempts.at(-1)
      if (payout.state === 'succeeded' || payout.state === 'failed') return payout
      if (payout.state === 'paying' && last !== undefined) {
        await this.#resolve(payout, last, fresh.delete(last.number) ? 'pay' : 'track')
      } else if (last?.failure !== undefined && last.number >= attemptsOf(payout)) {
        await this.#giveUp(payout, last.failure)
      } else {
        if (last !== undefined) await this.#backOff(last.number)
        const recorded = await this.#attempt(payout, (last?.number ?? 0) + 1)
        if (recorded !== undefined) fresh.add(recorded)
      }
    }
  }

  /** Records the next attempt, or gives up when there can be none. Nothing has been sent yet. */
  async #attempt(payout: Payout, number: number): Promise<number | undefined> {
    try {
      const draft = await this.#draft(payout, number)
      this.#hooks.at?.('recording')
      await this.#options.store.recordAttempt(draft)
      this.#hooks.at?.('recorded')
      return number
    } catch (error) {
      const failure = failureOf(error)
      if (failure === undefined) throw error
      await this.#giveUp(payout, failure)
      return undefined
    }
  }

  async #draft(payout: Payout, number: number): Promise<AttemptDraft> {
    const { node, keysendKey } = this.#options
    const { destination } = payout
    if (destination.kind === 'keysend') {
      checkPayee(destination.pubkey, { ourNode: node.pubkey, payee: undefined })
      const paymentHash = hashOf(keysendPreimage(keysendKey, payout.id, number))
      return { payout: payout.id, number, paymentHash, to: destination }
    }
    const bolt11 =
      destination.kind === 'bolt11'
        ? destination.bolt11
        : await this.#invoiceFrom(destination.whom, payout, number)
    const { paymentHash } = checkInvoice(bolt11, {
      network: node.network,
      amountMsat: payout.amountMsat,
      payee: destination.payee,
      ourNode: node.pubkey,
      now: Math.floor(this.#hooks.now() / 1000),
    })
    return { payout: payout.id, number, paymentHash, to: { kind: 'bolt11', bolt11 } }
  }

  async #invoiceFrom(whom: string, payout: Payout, attempt: number): Promise<string> {
    const { requestInvoice, signal } = this.#options
    const wanted = { whom, payout: payout.id, attempt, amountMsat: payout.amountMsat }
    const request = () =>
      requestInvoice(wanted, AbortSignal.any([signal, AbortSignal.timeout(INVOICE_WAIT_MS)]))
    let cause: unknown
    for (let tries = 0; tries < MAX_INVOICE_REQUESTS; tries++) {
      if (tries > 0) await this.#backOff(tries)
      this.#hooks.at?.('asking')
      try {
        const bolt11 = await this.#requests.run(request, signal)
        this.#hooks.at?.('asked')
        return bolt11
      } catch (error) {
        signal.throwIfAborted()
        this.#hooks.report?.({ kind: 'stumbled', payout: payout.id, error })
        cause = error
      }
    }
    throw new PayoutEngineError('no_invoice', `${whom} gives no invoice`, { cause })
  }

  async #resolve(payout: Payout, attempt: Attempt, begin: 'pay' | 'track'): Promise<void> {
    const { store, lightning, signal } = this.#options
    const outcome = await untilFinal({
      attempt,
      order: this.#order(payout, attempt),
      begin,
      lightning,
      slots: this.#slots,
      hooks: this.#hooks,
      signal,
    })
    if (outcome.status === 'failed') {
      this.#hooks.at?.('failing')
      await store.attemptFailed(payout.id, attempt.number, outcome.reason)
      this.#hooks.at?.('attempt_failed')
      return
    }
    if (outcome.amountMsat !== payout.amountMsat)
      throw new PayoutEngineError('amount_mismatch', `The node paid ${outcome.amountMsat} msat`)
    this.#hooks.at?.('succeeding')
    const { preimage, feeMsat } = outcome
    await store.succeed(payout.id, attempt.number, { preimage, feeMsat })
    this.#hooks.at?.('succeeded')
  }

  /** Always the same for an attempt: only then may it be sent again. */
  #order(payout: Payout, { to, number }: Attempt): PaymentOrder {
    const preimage = () => keysendPreimage(this.#options.keysendKey, payout.id, number)
    return {
      to:
        to.kind === 'bolt11' ? to : { ...to, preimage: preimage(), amountMsat: payout.amountMsat },
      feeLimitMsat: payout.feeLimitMsat,
      timeoutSeconds: PAY_TIMEOUT_SECONDS,
      cltvLimit: CLTV_LIMIT_BLOCKS,
      maxParts: MAX_PARTS,
    }
  }

  async #giveUp(payout: Payout, failure: PayoutFailure): Promise<void> {
    this.#hooks.at?.('giving_up')
    await this.#options.store.giveUp(payout.id, failure)
    this.#hooks.at?.('given_up')
  }

  /** Until it is done or the engine is stopped: a store that is away is no reason to guess. */
  async #insist<T>(payout: string, action: () => Promise<T>): Promise<T> {
    const { signal } = this.#options
    for (let round = 0; ; round++) {
      try {
        signal.throwIfAborted()
        return await action()
      } catch (error) {
        signal.throwIfAborted()
        this.#hooks.report?.({ kind: 'stumbled', payout, error })
      }
      await this.#backOff(round)
    }
  }

  async #backOff(round: number): Promise<void> {
    const { signal } = this.#options
    const waiting = this.#hooks.sleep(backoffMs(round, this.#hooks.random()), signal)
    await waiting.catch(() => signal.throwIfAborted())
  }
}

/** One invoice is one hash: it is not paid again after the node has failed it. */
const attemptsOf = ({ destination }: Payout): number =>
  destination.kind === 'bolt11' ? 1 : MAX_ATTEMPTS

/** What ends a payout of which nothing is under way; undefined for what may pass. */
function failureOf(error: unknown): PayoutFailure | undefined {
  if (error instanceof DestinationError) return error.code
  if (error instanceof PayoutEngineError && error.code === 'no_invoice') return error.code
  if (error instanceof PayoutStoreError && error.code === 'hash_used') return error.code
  return undefined
}
