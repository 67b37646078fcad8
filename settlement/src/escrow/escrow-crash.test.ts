// The desk is killed at every point of an escrow, over and over the same store and node; a new one goes on.
// What fails is replayed by its seed: change SEEDS to it.
import { afterAll, describe, expect, it } from 'vitest'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import { derivePreimage } from '../intake/derived-preimage.ts'
import { Balances } from '../ledger/balances.ts'
import type { SimFault } from '../lightning/sim/sim-faults.ts'
import { awaiting, insisting, liveUntilKilled } from '../testing/crash-life.ts'
import { CrashPoints } from '../testing/crash-points.ts'
import { MemoryEscrowStore } from '../testing/memory-escrow-store.ts'
import { quickRim, seeded } from '../testing/quick-rim.ts'
import { SimReceiver } from '../testing/sim-receiver.ts'
import { EscrowDesk } from './escrow-desk.ts'
import { DEFAULT_HOLD_BLOCKS } from './escrow-limits.ts'
import { isFinished } from './escrow-state.ts'
import type { CancelReason } from './escrow-store.ts'
import { guardianHeight } from './guardian-deadline.ts'

const SEEDS = Array.from({ length: 5 }, (_, index) => index + 1)
const LEAST_KILLS = 140
/** Stories differ in length: after the first that was over before its point come longer ones. */
const ENOUGH_SURVIVORS = 3
/** A run with more points than that does not end. */
const MAX_POINTS = 300
const KEY = new Uint8Array(32).fill(5)
const EXPIRY_SECONDS = 600
const FEE_BPS = 100
const ORDER = {
  attempt: 0,
  memo: '',
  expirySeconds: EXPIRY_SECONDS,
  cltvExpiry: DEFAULT_HOLD_BLOCKS,
}
const METHODS = [
  'AddHoldInvoice',
  'LookupInvoiceV2',
  'SubscribeSingleInvoice',
  'SettleInvoice',
  'CancelInvoice',
  'GetInfo',
]
const FAULTS: readonly SimFault[] = [{ kind: 'refuse' }, { kind: 'cut' }, { kind: 'slow', ms: 2 }]
/** How a story ends, and why it is cancelled if it is. */
const ENDS = {
  good: undefined,
  overpaid: undefined,
  bad: 'bad_verdict',
  silent: 'guardian',
  forgotten: 'auto_cancelled',
  unpaid: 'expired',
} as const satisfies Record<string, CancelReason | undefined>
type End = keyof typeof ENDS
const SURPLUS = 7n

interface Story {
  readonly job: string
  readonly paymentHash: string
  readonly amountMsat: bigint
  readonly end: End
}

class World {
  readonly ledger = new Balances()
  readonly store = new MemoryEscrowStore(this.ledger)
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

  /** A desk lives until the escrow is finished, or it is killed. */
  async live(story: Story, killAt: number): Promise<CrashPoints> {
    const points = new CrashPoints(killAt)
    const desk = new EscrowDesk({
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
  async payIfThereIs({ paymentHash, end }: Story): Promise<void> {
    const bolt11 = (await this.store.find(paymentHash))?.bolt11
    if (bolt11 === undefined || end === 'unpaid') return
    this.#node.pay(bolt11, end === 'overpaid' ? SURPLUS : 0n)
  }

  async #tell(desk: EscrowDesk, story: Story, points: CrashPoints): Promise<void> {
    const { job, paymentHash, amountMsat, end } = story
    const now = async () => (await this.store.find(paymentHash)) ?? expect.fail(`${job} is gone`)
    const finished = async () => isFinished((await now()).state)
    const order = { ...ORDER, job, payer: `client:${job}`, amountMsat } as const
    await insisting(() => desk.open(order))
    if (end === 'unpaid') this.#node.pass(EXPIRY_SECONDS + 1)
    else {
      await this.payIfThereIs(story)
      await awaiting(points, async () => (await now()).state !== 'open')
    }
    if (points.dead || (await finished())) return
    await this.#end(desk, story, (await now()).htlcExpiryHeight ?? 0)
    await awaiting(points, finished)
  }

  async #end(desk: EscrowDesk, { paymentHash, job, amountMsat, end }: Story, htlcEnd: number) {
    const bad = { kind: 'cancel', reason: 'bad_verdict' } as const
    const legs = [{ provider: job, gross: amountMsat }]
    const missing = guardianHeight(Math.max(htlcEnd, 30)) - this.#node.blockHeight
    if (end === 'bad') await desk.decide(paymentHash, bad)
    if (end === 'good' || end === 'overpaid')
      await desk.decide(paymentHash, { kind: 'settle', legs, feeBps: FEE_BPS })
    if (end === 'silent' && missing > 0) this.#node.mine(missing)
    if (end === 'forgotten') this.#node.mine(DEFAULT_HOLD_BLOCKS)
  }
}

describe('an escrow', () => {
  let kills = 0
  afterAll(() => expect(kills).toBeGreaterThanOrEqual(LEAST_KILLS))

  it.each(SEEDS)('ends once, wherever its desk is killed (seed %i)', async (seed) => {
    const node = await SimReceiver.start()
    const world = new World(node, seed)
    let survivors = 0
    for (let killAt = 1; ; killAt++) {
      expect(killAt).toBeLessThan(MAX_POINTS)
      const job = `s${seed}-${killAt}`
      const story: Story = {
        job,
        paymentHash: hashOf(derivePreimage(KEY, { purpose: 'escrow', id: job, attempt: 0 })),
        amountMsat: BigInt(1_000_000 + killAt),
        end: world.pick(Object.keys(ENDS) as End[]),
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
    for (const { job, paymentHash, amountMsat, end } of world.stories) {
      const surplus = end === 'overpaid' ? SURPLUS : 0n
      const paid = ENDS[end] === undefined
      expect(await world.store.find(paymentHash), `${job} ${end}`).toMatchObject({
        state: paid ? 'settled' : 'cancelled',
        cancelReason: ENDS[end],
      })
      const fee = (amountMsat * BigInt(FEE_BPS) + 9_999n) / 10_000n
      expect(world.ledger.of(`provider:${job}`), job).toBe(paid ? amountMsat - fee : 0n)
      expect(world.ledger.of(`client:${job}`), job).toBe(surplus)
      expect(world.ledger.of(`escrow:${job}`), job).toBe(0n)
    }
    const { owed, had, own } = world.ledger.position()
    expect(had).toBe(node.receivedMsat)
    expect(owed + own).toBe(had)
    expect(own).toBe(world.ledger.of('revenue:fee'))
    expect(await world.store.unfinished('', 1)).toEqual([])
    expect(node.invoiceCount).toBe(world.stories.length)
    node.close()
  })
})
