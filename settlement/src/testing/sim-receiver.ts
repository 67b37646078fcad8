import { randomBytes } from 'node:crypto'
import type { LightningBackend } from '../lightning/lightning-backend.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import type { LndAddress } from '../lightning/lnd/lnd-connection.ts'
import { openLnd } from '../lightning/open-lnd.ts'
import type { SimFaults } from '../lightning/sim/sim-faults.ts'
import type { Reception } from '../lightning/sim/sim-invoice-book.ts'
import {
  startSimulatedLightning,
  type SimulatedLightning,
} from '../lightning/sim/simulated-lightning.ts'

const ALIAS = 'us'

/** A simulated node that receives, the strangers who pay it, and a clock that can be moved. */
export class SimReceiver {
  readonly backend: LightningBackend
  readonly #lightning: SimulatedLightning
  readonly #clock: { offsetMs: number }

  private constructor(
    lightning: SimulatedLightning,
    backend: LightningBackend,
    clock: { offsetMs: number },
  ) {
    this.#lightning = lightning
    this.backend = backend
    this.#clock = clock
  }

  static async start(): Promise<SimReceiver> {
    const clock = { offsetMs: 0 }
    const now = () => Date.now() + clock.offsetMs
    const lightning = await startSimulatedLightning({ aliases: [ALIAS], now })
    const backend = await openLnd(lightning.server(ALIAS).address())
    return new SimReceiver(lightning, backend, clock)
  }

  get faults(): SimFaults {
    return this.#lightning.server(ALIAS).faults
  }

  /** Unix seconds. */
  readonly now = (): number => Math.floor((Date.now() + this.#clock.offsetMs) / 1000)

  /** Moves the clock on; the node does what time asks of it. */
  pass(seconds: number): void {
    this.#clock.offsetMs += seconds * 1000
    this.#lightning.network.tick()
  }

  mine(blocks: number): void {
    this.#lightning.network.mine(blocks)
  }

  get blockHeight(): number {
    return this.#lightning.network.blockHeight
  }

  address(uris?: readonly string[]): LndAddress {
    return this.#lightning.server(ALIAS).address(uris)
  }

  /** Somebody pays, and `extraMsat` more than is asked for. */
  pay(bolt11: string, extraMsat = 0n): Reception['kind'] {
    const invoice = this.#book.all().find((one) => one.bolt11 === bolt11)
    if (invoice === undefined) throw new RangeError('The simulated node has no such invoice')
    return this.#book.receive({
      paymentHash: invoice.paymentHash,
      payer: '',
      amountMsat: invoice.amountMsat + extraMsat,
      proof: { secret: invoice.paymentSecret },
    }).kind
  }

  /** Somebody sends money that no invoice asked for. */
  keysend(amountMsat: bigint): void {
    const preimage = randomBytes(32).toString('hex')
    this.#book.receive({
      paymentHash: hashOf(preimage),
      payer: '',
      amountMsat,
      proof: { preimage },
    })
  }

  /** What the node has been paid by its own records, keysends apart. */
  get receivedMsat(): bigint {
    return this.#book
      .all()
      .filter(({ state, keysend }) => state === 'SETTLED' && !keysend)
      .reduce((sum, { paidMsat }) => sum + paidMsat, 0n)
  }

  /** How many invoices there are, keysends apart. */
  get invoiceCount(): number {
    return this.#book.all().filter(({ keysend }) => !keysend).length
  }

  /** Kills the node's server, and starts it again. */
  async restart(): Promise<void> {
    this.#lightning.server(ALIAS).stop()
    await this.#lightning.server(ALIAS).start()
  }

  close(): void {
    this.backend.close()
    this.#lightning.close()
  }

  get #book() {
    return this.#lightning.network.node(ALIAS).invoices
  }
}
