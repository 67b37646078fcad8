import { setTimeout as pause } from 'node:timers/promises'
import type { SettlerAsk } from '@infernet/schemas/settler-wire'
import { Balances } from '../ledger/balances.ts'
import type { LightningBackend } from '../lightning/lightning-backend.ts'
import { openLnd } from '../lightning/open-lnd.ts'
import {
  startSimulatedLightning,
  type SimulatedLightning,
} from '../lightning/sim/simulated-lightning.ts'
import type { Observers } from '../settler/observed-invoices.ts'
import type { SettlerRows } from '../settler/settler-rows.ts'
import { SettlerMetrics } from '../settler/settler-metrics.ts'
import { runSettler, type SettlerParts } from '../settler/settler.ts'
import { Alarm } from '../settler/work-loop.ts'
import { MemoryEscrowStore } from './memory-escrow-store.ts'
import { MemoryInvoiceStore } from './memory-invoice-store.ts'
import { MemoryPayoutStore } from './memory-payout-store.ts'

/** Backoffs and pauses are as long as ever, in proportion. */
const SPEED = 50

/** A settler with all its loops on a simulated node, rows in memory, and an edge that a test plays. */
export class SettlerRig {
  readonly balances = new Balances()
  readonly invoices = new MemoryInvoiceStore(this.balances)
  readonly escrows = new MemoryEscrowStore(this.balances)
  readonly payouts = new MemoryPayoutStore(this.balances)
  readonly alarm = new Alarm()
  readonly events: (Readonly<Record<string, unknown>> & { readonly event: string })[] = []
  readonly asks: SettlerAsk[] = []
  /** What the edge answers with; a test may throw. */
  answer: (ask: SettlerAsk) => Promise<string | undefined> = async () => undefined
  /** A client's or a provider's node. */
  readonly other: LightningBackend
  readonly #ours: LightningBackend
  readonly #lightning: SimulatedLightning
  #rows: Partial<SettlerRows> = {}

  private constructor(
    lightning: SimulatedLightning,
    ours: LightningBackend,
    other: LightningBackend,
  ) {
    this.#lightning = lightning
    this.#ours = ours
    this.other = other
  }

  static async start(): Promise<SettlerRig> {
    const lightning = await startSimulatedLightning({ aliases: ['hub', 'us', 'other'] })
    const open = (alias: string) => openLnd(lightning.server(alias).address())
    return new SettlerRig(lightning, await open('us'), await open('other'))
  }

  /** Rows that there are to work on; none of a kind by default. */
  work(rows: Partial<SettlerRows>): void {
    this.#rows = { ...this.#rows, ...rows }
    this.alarm.ring()
  }

  /** The first event of that name, once there is one. */
  async event(name: string): Promise<Readonly<Record<string, unknown>>> {
    for (;;) {
      const found = this.events.find(({ event }) => event === name)
      if (found !== undefined) return found
      await pause(2)
    }
  }

  /** Settles while `story` is told. */
  async during(
    story: () => Promise<void>,
    changes: Partial<SettlerParts> = {},
    meanwhile: readonly ((signal: AbortSignal) => Promise<void>)[] = [],
  ): Promise<void> {
    const stop = new AbortController()
    const parts = { ...(await this.#parts()), ...changes }
    const running = runSettler(parts, meanwhile, stop.signal)
    try {
      await Promise.race([story(), running])
    } finally {
      stop.abort()
      await running
    }
  }

  close(): void {
    this.#ours.close()
    this.other.close()
    this.#lightning.close()
  }

  async #parts(): Promise<SettlerParts> {
    return {
      node: await this.#ours.info(),
      intake: this.#ours,
      payout: this.#ours,
      invoices: this.invoices,
      payouts: this.payouts,
      escrows: this.escrows,
      rows: this.#memoryRows(),
      edge: {
        ask: async (ask) => {
          this.asks.push(ask)
          return { bolt11: await this.answer(ask) }
        },
      },
      requestInvoice: async () => {
        throw new Error('nobody to ask')
      },
      keys: { preimageKey: new Uint8Array(32).fill(1), keysendKey: new Uint8Array(32).fill(2) },
      settings: {
        thresholdMsat: 1_000_000n,
        maxAgeMs: 86_400_000,
        dailyCapMsat: 10n ** 9n,
        minimumMsat: 1_000n,
      },
      observers: this.observers(),
      alarm: this.alarm,
      rim: {
        now: Date.now,
        random: Math.random,
        sleep: async (ms, signal) => {
          await pause(ms / SPEED, undefined, { signal }).catch(() => {})
        },
        newPayoutId: () => `po_${this.events.length}_${Math.random().toString(36).slice(2)}`,
      },
    }
  }

  observers(): Observers {
    const gauges = { leaseHeld: () => true, edgeConnected: () => true, simulated: () => true }
    return {
      log: (event, fields) => void this.events.push({ ...fields, event }),
      metrics: new SettlerMetrics(gauges, Date.now),
      at: () => {},
      ring: () => this.alarm.ring(),
    }
  }

  #memoryRows(): SettlerRows {
    const rows = () => this.#rows
    return {
      orders: async (limit) => (await rows().orders?.(limit)) ?? [],
      pending: async (after, limit) => (await rows().pending?.(after, limit)) ?? [],
      funded: async (limit) => (await rows().funded?.(limit)) ?? [],
      release: async (limit, skip) =>
        (await rows().release?.(limit, skip)) ?? { parts: 0, msat: 0n },
      nextUnreleased: async (skip) => await rows().nextUnreleased?.(skip),
      carryOutSlash: async () => await rows().carryOutSlash?.(),
      payLiftedSlash: async () => await rows().payLiftedSlash?.(),
      payable: async (after, limit) => (await rows().payable?.(after, limit)) ?? [],
      quoted: async (limit) => (await rows().quoted?.(limit)) ?? [],
      paid: async (limit) => (await rows().paid?.(limit)) ?? [],
      decided: async (limit) => (await rows().decided?.(limit)) ?? [],
    }
  }
}
