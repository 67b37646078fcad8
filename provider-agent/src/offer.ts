import type { Capability, Price } from '@infernet/schemas/wire'
import { capabilityOf, type Role } from './capability.ts'
import type { Clock } from './clock.ts'
import type { Engine } from './engines/engine.ts'
import type { EventLog } from './events.ts'
import type { HardwareRecord } from './hardware/hardware-record.ts'
import type { LoadDesk } from './load/load-desk.ts'
import type { PayoutDesk } from './payout/payout-desk.ts'

export interface OfferOptions {
  readonly engine: Pick<Engine, 'kind' | 'models'>
  /** Absent: provider. */
  readonly role?: Role
  readonly price: Price
  /** Whether prompts may be kept here; `deny` when nothing is said. */
  readonly dataCollection?: Capability['data_collection']
  readonly payouts: Pick<PayoutDesk, 'payout'>
  readonly hardware?: HardwareRecord | undefined
  readonly load: LoadDesk
  readonly events: EventLog
  readonly clock: Clock
  /** Whether the owner lets new jobs in now. */
  readonly isOpen: () => boolean
}

/** What is offered, as the edge is told and as the owner is. */
export class Offer {
  readonly #options: OfferOptions
  #isStale = false

  constructor(options: OfferOptions) {
    this.#options = options
  }

  /** It is another now than a login has told that was begun before. */
  get isStale(): boolean {
    return this.#isStale
  }

  changed(): void {
    this.#isStale = true
  }

  /** The record that a login tells. */
  atLogin(): Capability {
    this.#isStale = false
    return this.record()
  }

  /** The record that is told now. */
  record(): Capability {
    const { clock, engine, hardware, isOpen, load, payouts, ...terms } = this.#options
    // A provider without models is given no jobs, and stays connected.
    const offered = isOpen() ? engine : { kind: engine.kind, models: [] }
    return capabilityOf(offered, {
      ...terms,
      slots: load.announce(clock.monotonic()),
      payout: payouts.payout,
      hardware: hardware?.tell(clock.monotonic()),
    })
  }

  /** Tells the owner what the engine serves now. */
  announce(): void {
    const { engine, events, dataCollection = 'deny' } = this.#options
    const models = engine.models.map(({ id }) => id)
    const offers = engine.models.map(({ id, endpoints, capabilities, quantization }) => ({
      id,
      endpoints,
      capabilities,
      ...(quantization === undefined ? {} : { quantization }),
    }))
    const { kind } = engine
    events.emit({ event: 'models', engine: kind, models, offers, data_collection: dataCollection })
  }
}
