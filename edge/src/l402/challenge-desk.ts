import { msat } from '@infernet/schemas/money'
import { bundlePrice, MAX_BUNDLE_MSAT } from '@infernet/settlement/l402/bundle-price'
import { writeChallenge } from '@infernet/settlement/l402/challenge'
import { mintToken } from '@infernet/settlement/l402/credential'
import { TOKEN_RANDOM_BYTES, type MasterKeys } from '@infernet/settlement/l402/root-key'
import { serializeMacaroon } from '@infernet/settlement/macaroon/macaroon-binary'
import type { BillingStore, SettlerNode, SettlerPort } from '../billing/billing-port.ts'
import { newOrderId } from '../billing/order-id.ts'
import { pollUntil } from '../billing/poll-until.ts'
import {
  BUNDLE_INVOICE,
  BUNDLE_INVOICE_EXPIRY_S,
  BUNDLE_LIFETIME_S,
  CHALLENGE_TTL_MS,
  SETTLER_NODE_TTL_MS,
} from '../limits.ts'
import { ChallengeLimits } from './challenge-limits.ts'
import { noInvoice, tooDear } from './l402-errors.ts'

/** An invoice, and the token that is good once it is paid. */
export interface Challenge {
  /** The value of `WWW-Authenticate`. */
  readonly header: string
  /** BOLT 11. */
  readonly invoice: string
  readonly paymentHash: string
  /** Base64. */
  readonly token: string
  /** The token as an API key, but for the preimage at its end. */
  readonly apiKey: string
  readonly priceMsat: number
  readonly amountSat: number
  /** No real money. */
  readonly simulated: boolean
}

/** A request of somebody who has nothing to pay it with. */
export interface Asked {
  /** Where it came from. */
  readonly address: string
  readonly model: string
  /** The most that it can cost. */
  readonly holdMsat: number
}

export interface ChallengeRim {
  readonly keys: MasterKeys
  readonly billing: Pick<BillingStore, 'orderTopUp' | 'findTopUp' | 'node'>
  readonly settler: SettlerPort
  readonly now: () => number
}

interface Cached {
  readonly until: number
  readonly challenge: Promise<Challenge>
  /** Once the invoice is there. */
  paymentHash?: string
}

interface Invoice {
  readonly bolt11: string
  readonly paymentHash: string
}

/** Sells bundles: orders their invoices of the settler, and makes the tokens. */
export class ChallengeDesk {
  readonly #rim: ChallengeRim
  /** By address, model and price; insertion order is age. As many as {@link ChallengeLimits} lets through. */
  readonly #cached = new Map<string, Cached>()
  readonly #limits = new ChallengeLimits()
  #node: { readonly until: number; readonly node: Promise<SettlerNode | undefined> } | undefined

  constructor(rim: ChallengeRim) {
    this.#rim = rim
  }

  /** Whether a settler is there, who could make an invoice. */
  async isOpen(): Promise<boolean> {
    return (await this.#nodeNow()) !== undefined
  }

  /**
   * The same for whoever asks the same again within a minute. Undefined while no settler is there.
   * Throws ApiError 402 for a request that no bundle covers, 429, and 503 when no invoice came in time.
   */
  async challenge(asked: Asked): Promise<Challenge | undefined> {
    const { holdMsat, address, model } = asked
    const node = await this.#nodeNow()
    if (node === undefined) return undefined
    if (holdMsat > MAX_BUNDLE_MSAT) throw tooDear(holdMsat, MAX_BUNDLE_MSAT)
    const priceMsat = bundlePrice(msat(holdMsat))
    const name = JSON.stringify([address, model, priceMsat])
    const now = this.#rim.now()
    const cached = this.#cached.get(name)
    if (cached !== undefined && cached.until > now) return cached.challenge
    this.#limits.take(address, now)
    this.#forgetOld(now)
    const challenge = this.#make(priceMsat, node)
    this.#remember(name, { until: now + CHALLENGE_TTL_MS, challenge })
    return challenge
  }

  /** An invoice that is paid cannot be paid again: who asks now gets another one. */
  paid(paymentHash: string): void {
    for (const [name, cached] of this.#cached) {
      if (cached.paymentHash === paymentHash) this.#cached.delete(name)
    }
  }

  #remember(name: string, cached: Cached): void {
    this.#cached.delete(name)
    this.#cached.set(name, cached)
    cached.challenge.then(
      ({ paymentHash }) => (cached.paymentHash = paymentHash),
      () => this.#cached.delete(name),
    )
  }

  #forgetOld(now: number): void {
    for (const [name, { until }] of this.#cached) {
      if (until > now) return
      this.#cached.delete(name)
    }
  }

  /** Who would make the invoice; a Postgres that is away counts as nobody. */
  #nodeNow(): Promise<SettlerNode | undefined> {
    const now = this.#rim.now()
    if (this.#node === undefined || this.#node.until <= now) {
      const node = this.#rim.billing.node().catch(() => undefined)
      this.#node = { until: now + SETTLER_NODE_TTL_MS, node }
    }
    return this.#node.node
  }

  async #make(priceMsat: number, { simulated }: SettlerNode): Promise<Challenge> {
    const { keys, now } = this.#rim
    const { bolt11: invoice, paymentHash } = await this.#invoice(priceMsat, simulated)
    const macaroon = mintToken(
      keys,
      {
        paymentHash: new Uint8Array(Buffer.from(paymentHash, 'hex')),
        random: crypto.getRandomValues(new Uint8Array(TOKEN_RANDOM_BYTES)),
        limits: { validUntil: Math.floor(now() / 1000) + BUNDLE_LIFETIME_S },
      },
      now(),
    )
    const token = Buffer.from(serializeMacaroon(macaroon))
    return {
      header: writeChallenge({ macaroon, invoice }),
      invoice,
      paymentHash,
      token: token.toString('base64'),
      apiKey: `l402_${token.toString('base64url')}.`,
      priceMsat,
      amountSat: priceMsat / 1000,
      simulated,
    }
  }

  /** Orders an invoice and waits for it, a bounded time. */
  async #invoice(priceMsat: number, simulated: boolean): Promise<Invoice> {
    const { billing, settler, now } = this.#rim
    const id = newOrderId('top')
    await billing.orderTopUp({
      id,
      accountId: undefined,
      amountMsat: BigInt(priceMsat),
      memo: `${simulated ? 'SIMULATED: ' : ''}Infernet, a bundle of ${priceMsat / 1000} sat`,
      expirySeconds: BUNDLE_INVOICE_EXPIRY_S,
      createdAt: Math.floor(now() / 1000),
    })
    await settler.wake()
    const made = await pollUntil(
      BUNDLE_INVOICE,
      () => billing.findTopUp(id),
      (row) => row?.bolt11 !== undefined,
    )
    const { bolt11, paymentHash } = made ?? {}
    if (bolt11 === undefined || paymentHash === undefined) throw noInvoice(BUNDLE_INVOICE.waitMs)
    return { bolt11, paymentHash }
  }
}
