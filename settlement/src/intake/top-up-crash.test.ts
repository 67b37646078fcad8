// The desk is killed at every point of a top-up, over and over the same store and node; a new one goes on.
// What fails is replayed by its seed: change SEEDS to it.
import { afterAll, describe, expect, it } from 'vitest'
import { Balances } from '../ledger/balances.ts'
import type { SimFault } from '../lightning/sim/sim-faults.ts'
import { awaiting, insisting, liveUntilKilled } from '../testing/crash-life.ts'
import { CrashPoints } from '../testing/crash-points.ts'
import { MemoryInvoiceStore } from '../testing/memory-invoice-store.ts'
import { quickRim, seeded } from '../testing/quick-rim.ts'
import { SimReceiver } from '../testing/sim-receiver.ts'
import { InvoiceDesk } from './invoice-desk.ts'
import type { TopUp } from './invoice-store.ts'

const SEEDS = Array.from({ length: 5 }, (_, index) => index + 1)
const LEAST_KILLS = 65
/** Stories differ in length: after the first that was over before its point come longer ones. */
const ENOUGH_SURVIVORS = 3
/** A run with more points than that does not end. */
const MAX_POINTS = 200
const KEY = new Uint8Array(32).fill(9)
const EXPIRY_SECONDS = 600
const METHODS = ['AddInvoice', 'LookupInvoiceV2', 'ListInvoices', 'SubscribeInvoices']
const FAULTS: readonly SimFault[] = [{ kind: 'refuse' }, { kind: 'cut' }, { kind: 'slow', ms: 2 }]

interface Story {
  readonly id: string
  readonly amountMsat: bigint
  readonly extraMsat: bigint | 'unpaid'
}

class World {
  readonly ledger = new Balances()
  readonly store = new MemoryInvoiceStore(this.ledger)
  readonly stories: Story[] = []
  readonly random: () => number
  readonly #node: SimReceiver
  readonly #seed: number

  constructor(node: SimReceiver, seed: number) {
    this.#node = node
    this.#seed = seed
    this.random = seeded(seed)
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random() * choices.length)] ?? expect.fail('nothing to pick')
  }

  /** A desk lives until the top-up is finished, or it is killed. */
  async live(story: Story, killAt: number): Promise<CrashPoints> {
    const points = new CrashPoints(killAt)
    const desk = new InvoiceDesk({
      backend: points.around('node', this.#node.backend),
      store: points.around('store', this.store),
      preimageKey: KEY,
      rim: quickRim(this.#node.now, this.#seed),
    })
    await liveUntilKilled(
      points,
      (signal) => desk.run(signal),
      () => this.#tell(desk, story, points),
    )
    return points
  }

  /** Somebody pays what has an invoice, whether a desk is alive or not. */
  async payIfThereIs({ id, extraMsat }: Story): Promise<void> {
    const bolt11 = (await this.store.find(id))?.bolt11
    if (bolt11 !== undefined && extraMsat !== 'unpaid') this.#node.pay(bolt11, extraMsat)
  }

  async #tell(desk: InvoiceDesk, story: Story, points: CrashPoints): Promise<void> {
    const order = { to: `client:${story.id}`, memo: '', expirySeconds: EXPIRY_SECONDS } as const
    const { id, amountMsat } = story
    const issued = await insisting(() => desk.issue({ ...order, id, amountMsat }))
    expect((await this.store.find(id))?.bolt11).toBe(issued.bolt11)
    if (story.extraMsat === 'unpaid') this.#node.pass(EXPIRY_SECONDS + 1)
    else await this.payIfThereIs(story)
    await awaiting(points, async () => isFinished(await this.store.find(id)))
  }
}

const isFinished = (topUp: TopUp | undefined) =>
  topUp?.state === 'settled' || topUp?.state === 'expired'

describe('a top-up', () => {
  let kills = 0
  afterAll(() => expect(kills).toBeGreaterThanOrEqual(LEAST_KILLS))

  it.each(SEEDS)('is credited once, wherever its desk is killed (seed %i)', async (seed) => {
    const node = await SimReceiver.start()
    const world = new World(node, seed)
    node.keysend(1_000n)
    let survivors = 0
    for (let killAt = 1; ; killAt++) {
      expect(killAt).toBeLessThan(MAX_POINTS)
      const story: Story = {
        id: `s${seed}-${killAt}`,
        amountMsat: BigInt(1_000 + killAt),
        extraMsat: world.pick([0n, 0n, 5n, 'unpaid'] as const),
      }
      world.stories.push(story)
      for (let count = world.pick([0, 1, 2]); count > 0; count--)
        node.faults.plan(world.pick(METHODS), world.pick(FAULTS))
      const { dead } = await world.live(story, killAt)
      if (dead && world.random() < 0.5) await world.payIfThereIs(story)
      await world.live(story, Infinity)
      if (dead) kills++
      else if (++survivors === ENOUGH_SURVIVORS) break
    }
    for (const { id, amountMsat, extraMsat } of world.stories) {
      const paid = extraMsat === 'unpaid' ? 0n : amountMsat + extraMsat
      const state = extraMsat === 'unpaid' ? 'expired' : 'settled'
      expect(await world.store.find(id), id).toMatchObject({ state, paidMsat: paid })
      expect(world.ledger.of(`client:${id}`), id).toBe(paid)
    }
    const { owed, had, own } = world.ledger.position()
    expect({ owed, had, own }).toEqual({ owed: node.receivedMsat, had: node.receivedMsat, own: 0n })
    expect(await world.store.unfinished('', 1)).toEqual([])
    expect(node.invoiceCount).toBe(world.stories.length)
    node.close()
  })
})
