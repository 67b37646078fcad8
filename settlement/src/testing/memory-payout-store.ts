import type { Balances } from '../ledger/balances.ts'
import { payoutFailed, payoutStarted, payoutSucceeded } from '../ledger/payout-events.ts'
import type { PaymentFailure } from '../lightning/lightning-backend.ts'
import { nextAttemptState, nextPayoutState } from '../payout/payout-state.ts'
import {
  attemptOf,
  journalOf,
  PayoutStoreError,
  type Attempt,
  type AttemptDraft,
  type PaymentProof,
  type Payout,
  type PayoutDraft,
  type PayoutFailure,
  type PayoutStore,
} from '../payout/payout-store.ts'

/** Payouts in memory on the real journal rules: every posting is checked as Postgres would. */
export class MemoryPayoutStore implements PayoutStore {
  readonly #balances: Balances
  readonly #payouts = new Map<string, Payout>()

  constructor(balances: Balances) {
    this.#balances = balances
  }

  async open(draft: PayoutDraft): Promise<Payout> {
    const there = this.#payouts.get(draft.id)
    if (there !== undefined) {
      if (there.owner !== draft.owner || there.amountMsat !== draft.amountMsat)
        throw new PayoutStoreError('conflict', `${draft.id} is another payout`)
      return there
    }
    if (this.#all().some((one) => one.owner === draft.owner && isUnfinished(one)))
      throw new PayoutStoreError('payee_busy', `${draft.owner} has a payout under way`)
    this.#balances.post(payoutStarted(journalOf(draft)))
    return this.#put({ ...draft, state: 'open', attempts: [] })
  }

  async read(id: string): Promise<Payout> {
    return this.#payout(id)
  }

  async recordAttempt(draft: AttemptDraft): Promise<Attempt> {
    const payout = this.#payout(draft.payout)
    const there = payout.attempts[draft.number - 1]
    if (there !== undefined) return there
    const state = nextPayoutState(payout.state, 'attempt')
    if (draft.number !== payout.attempts.length + 1)
      throw new PayoutStoreError('conflict', `${draft.payout} has no attempt before that`)
    const hashes = this.#all().flatMap(({ attempts }) => attempts.map((one) => one.paymentHash))
    if (hashes.includes(draft.paymentHash))
      throw new PayoutStoreError('hash_used', `${draft.paymentHash} was used before`)
    const attempt: Attempt = { ...draft, state: 'unresolved' }
    this.#put({ ...payout, state, attempts: [...payout.attempts, attempt] })
    return attempt
  }

  async attemptFailed(id: string, number: number, failure: PaymentFailure): Promise<void> {
    const payout = this.#payout(id)
    const attempt = attemptOf(payout, number)
    const state = nextAttemptState(attempt.state, 'refuse')
    if (attempt.state === state) return
    this.#put({
      ...payout,
      state: nextPayoutState(payout.state, 'attempt_failed'),
      attempts: payout.attempts.with(number - 1, { ...attempt, state, failure }),
    })
  }

  async succeed(id: string, number: number, proof: PaymentProof): Promise<void> {
    const payout = this.#payout(id)
    const attempt = attemptOf(payout, number)
    const moved: Payout = {
      ...payout,
      state: nextPayoutState(payout.state, 'succeed'),
      attempts: payout.attempts.with(number - 1, {
        ...attempt,
        state: nextAttemptState(attempt.state, 'prove'),
        proof,
      }),
    }
    if (attempt.state === 'succeeded') return
    this.#balances.post(payoutSucceeded(journalOf(payout), proof.feeMsat))
    this.#put(moved)
  }

  async giveUp(id: string, failure: PayoutFailure): Promise<void> {
    const payout = this.#payout(id)
    const state = nextPayoutState(payout.state, 'give_up')
    if (payout.state === state) return
    this.#balances.post(payoutFailed(journalOf(payout)))
    this.#put({ ...payout, state, failure })
  }

  async unfinished(after: string, limit: number): Promise<readonly string[]> {
    const ids = this.#all()
      .filter(isUnfinished)
      .map(({ id }) => id)
    return ids
      .filter((id) => id > after)
      .toSorted()
      .slice(0, limit)
  }

  /** Without a wait, so that each method is one step. */
  #payout(id: string): Payout {
    const payout = this.#payouts.get(id)
    if (payout === undefined) throw new PayoutStoreError('not_found', `There is no payout ${id}`)
    return payout
  }

  #all(): Payout[] {
    return [...this.#payouts.values()]
  }

  #put(payout: Payout): Payout {
    this.#payouts.set(payout.id, payout)
    return payout
  }
}

const isUnfinished = ({ state }: Payout): boolean => state === 'open' || state === 'paying'
