import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LightningBackend } from '../lightning/lightning-backend.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import { openLnd } from '../lightning/open-lnd.ts'
import type { SimFault } from '../lightning/sim/sim-faults.ts'
import type { SimNode } from '../lightning/sim/sim-network.ts'
import {
  startSimulatedLightning,
  type SimulatedLightning,
} from '../lightning/sim/simulated-lightning.ts'
import type { PayoutHooks } from '../payout/payout-hooks.ts'

/** What the payee does with the money that comes for an invoice of its. */
export type PayeeManner = 'takes' | 'refuses' | 'holds_and_takes' | 'holds_and_gives_back'

type PaymentMethod = 'SendPaymentV2' | 'TrackPaymentV2'

/** A payer and a payee that have a channel with a hub each, so that routing costs something. */
export class PayoutRig {
  readonly #lightning: SimulatedLightning
  readonly #endOfHeld = new Map<string, () => void>()
  readonly #backends: LightningBackend[] = []
  readonly payer: SimNode
  readonly payee: SimNode
  #movedMs = 0

  private constructor(lightning: SimulatedLightning, now: { of: () => number }) {
    this.#lightning = lightning
    this.payer = lightning.server('payer').node
    this.payee = lightning.server('payee').node
    now.of = () => this.now()
    this.payee.invoices.watchers.add(({ state, paymentHash }) => {
      if (state === 'ACCEPTED') setImmediate(() => this.#endOfHeld.get(paymentHash)?.())
    })
  }

  static async start(): Promise<PayoutRig> {
    const now = { of: Date.now }
    const aliases = ['hub', 'payer', 'payee']
    return new PayoutRig(await startSimulatedLightning({ aliases, now: () => now.of() }), now)
  }

  /** The payer's node, over a connection of its own. */
  async connect(): Promise<LightningBackend> {
    const backend = await openLnd(this.#lightning.server('payer').address())
    this.#backends.push(backend)
    return backend
  }

  /** Faults of the payer's node, in order. */
  plan(method: PaymentMethod, ...faults: readonly SimFault[]): void {
    this.#lightning.server('payer').faults.plan(method, ...faults)
  }

  /** Takes back what was planned and has not happened. */
  forgetFaults(): void {
    const { faults } = this.#lightning.server('payer')
    for (const method of ['SendPaymentV2', 'TrackPaymentV2'] as const)
      for (let left: unknown = method; left !== undefined;) left = faults.take(method)
  }

  /** An invoice of the payee, good for an hour. */
  invoice(amountMsat: bigint, manner: PayeeManner = 'takes'): string {
    const preimage = randomBytes(32).toString('hex')
    const paymentHash = hashOf(preimage)
    const hold = manner.startsWith('holds')
    const { invoices } = this.payee
    const { bolt11 } = invoices.add({
      paymentHash,
      preimage: hold ? '' : preimage,
      memo: 'payout',
      amountMsat,
      expirySeconds: 3600,
      cltvExpiry: 80,
      hold,
    })
    if (manner === 'refuses') invoices.cancel(paymentHash)
    if (manner === 'holds_and_takes')
      this.#endOfHeld.set(paymentHash, () => invoices.settle(preimage))
    if (manner === 'holds_and_gives_back')
      this.#endOfHeld.set(paymentHash, () => invoices.cancel(paymentHash))
    return bolt11
  }

  /** What the node has in its channels, msat. */
  has(node: SimNode): bigint {
    return this.#lightning.network.balance(node).localMsat
  }

  /** Unix ms, by the clock of all nodes. */
  now(): number {
    return Date.now() + this.#movedMs
  }

  passTime(ms: number): void {
    this.#movedMs += ms
    this.#lightning.network.tick()
  }

  async restartPayer(): Promise<void> {
    this.#lightning.server('payer').stop()
    await this.#lightning.server('payer').start()
  }

  /** The rig's clock; waits end at the next turn of the event loop. */
  hooks(more: Partial<PayoutHooks> = {}): PayoutHooks {
    return {
      now: () => this.now(),
      random: Math.random,
      sleep: async (_, signal) => await nextTurn(undefined, { signal }),
      ...more,
    }
  }

  close(): void {
    for (const backend of this.#backends) backend.close()
    this.#lightning.close()
  }
}
