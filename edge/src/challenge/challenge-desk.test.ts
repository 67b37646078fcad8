import { FRAME } from '@infernet/schemas/frame'
import type { Gpu } from '@infernet/schemas/hardware'
import { beforeEach, describe, expect, it } from 'vitest'
import { ASKING_CREDIT_MSAT, startAskingEdge, type AskingEdge } from '../testing/asking-edge.ts'
import { FakeMachine } from '../testing/fake-machine.ts'
import type { FakeProvider } from '../testing/fake-provider.ts'
import { LOOK_INTERVAL_MS, UNPAID_PAUSE_MS } from './challenge-limits.ts'

const SLOTS = 2
const TICK_MS = 10
const MAX_TICKS = 20_000
/** Of a machine whose answers take longer than a round may. */
const SLOW_TICK_MS = 2_000
const SLOW_TOKENS = 40
const settled = () => new Promise(setImmediate)
/** Instances of one card, which may be one machine or not. */
const gpus: Gpu[] = [
  { vendor: 'nvidia', name: 'H100', id_sha256: 'a'.repeat(64), mig: ['1g.10gb'] },
]

let rig: AskingEdge
let machines: FakeMachine[]
beforeEach(async () => {
  machines = []
  rig = await startAskingEdge({ challenges: 1, share: 0 })
})

function machine(perTick = SLOTS): FakeMachine {
  machines.push(new FakeMachine(perTick))
  return machines.at(-1)!
}

async function provider(on: FakeMachine, tokensOf = () => 8): Promise<FakeProvider> {
  const one = await rig.edge.provider({ slots: SLOTS, hardware: { gpus } })
  on.serve(one, tokensOf)
  return one
}

const logged = (event: string) =>
  rig.edge.log.filter((entry) => entry.event === event).map(({ fields }) => fields)

/** A client asks a provider something, and time passes until `isOver`. */
async function asked(
  one: FakeProvider,
  isOver: () => boolean,
  tickMs: number = TICK_MS,
): Promise<void> {
  rig.edge.clock.advance(LOOK_INTERVAL_MS)
  await (await rig.edge.chat({ provider: { only: [one.peer] } })).arrayBuffer()
  for (let ticks = 0; ticks < MAX_TICKS && !isOver(); ticks++) {
    for (const one of machines) one.tick()
    rig.edge.clock.advance(tickMs)
    await settled()
  }
  expect(isOver()).toBe(true)
}
const challenged = (one: FakeProvider, tickMs?: number) =>
  asked(one, () => logged('challenge').length > 0, tickMs)

describe('two providers', () => {
  it('on one machine are found, and the later one rests', async () => {
    const shared = machine()
    const [first, second] = [await provider(shared), await provider(shared)]
    await challenged(first)
    expect(logged('challenge')).toMatchObject([{ result: 'shared', blocks: 8 }])
    expect([first.closed, second.closed?.code]).toEqual([undefined, 4424])
    expect(logged('gpu_shared')).toMatchObject([{ provider: second.peer }])
    const { records, account, accounts } = { ...rig, ...rig.edge }
    const ours = records.filter(({ accountId }) => accountId === rig.account)
    expect(ours.length).toBeGreaterThanOrEqual(8 * 4 * SLOTS)
    const cost = ours.reduce((sum, { costMsat }) => sum + costMsat, 0)
    const { availableMsat, openHolds } = await accounts.balance(rig.account)
    expect([availableMsat, openHolds]).toEqual([ASKING_CREDIT_MSAT - cost, 0])
    expect(account).not.toBe(rig.account)
  })

  it('on two machines are left alone, also where one is three times as fast', async () => {
    const [first, second] = [await provider(machine()), await provider(machine(), () => 24)]
    await challenged(first)
    expect(logged('challenge')).toMatchObject([{ result: 'apart', blocks: 5 }])
    expect([first.closed, second.closed]).toEqual([undefined, undefined])
    const { clock } = rig.edge
    const decidedAt = clock.now()
    clock.advance(3 * LOOK_INTERVAL_MS)
    await asked(first, () => true)
    await settled()
    const later = rig.edge.records.filter(({ createdAt }) => createdAt > decidedAt)
    expect(later.map(({ accountId }) => accountId)).toEqual([rig.edge.account])
  })

  it('on one machine are found where one is asked for three times as much', async () => {
    const shared = machine()
    const [first] = [await provider(shared), await provider(shared, () => 24)]
    await challenged(first)
    expect(logged('challenge')).toMatchObject([{ result: 'shared' }])
  })

  it('on one machine are found where it is so slow that no answer is over in time', async () => {
    const shared = machine()
    const [first, second] = [
      await provider(shared, () => SLOW_TOKENS),
      await provider(shared, () => SLOW_TOKENS),
    ]
    await challenged(first, SLOW_TICK_MS)
    expect(logged('challenge')).toMatchObject([{ result: 'shared', blocks: 8 }])
    expect([first.closed, second.closed?.code]).toEqual([undefined, 4424])
  })

  it('of whom one gives way are found, and it rests, though it came first', async () => {
    const own = machine()
    const first = await rig.edge.provider({ slots: SLOTS, hardware: { gpus } })
    const second = await provider(own)
    // It refuses whenever the other has something to do.
    const gaveWay = machine()
    gaveWay.serve(first, () => (own.isAtWork ? 0 : 8))
    await asked(second, () => logged('challenge').length > 0)
    expect(logged('challenge')).toMatchObject([{ blocks: 12 }])
    expect([first.closed?.code, second.closed]).toEqual([4424, undefined])
  })
})

describe('a challenge', () => {
  it('is none for its own account, nor once the edge is to stop', async () => {
    const shared = machine()
    const first = await provider(shared)
    await provider(shared)
    rig.asks.drain()
    await asked(first, () => true)
    await settled()
    expect(rig.edge.records).toHaveLength(1)
  })

  it('waits where its account has nothing left, and says nothing of anybody', async () => {
    await rig.edge.accounts.transfer(rig.account, 'away', -ASKING_CREDIT_MSAT)
    const shared = machine()
    const first = await provider(shared)
    await provider(shared)
    await asked(first, () => logged('challenge_failed').length > 0)
    await rig.edge.accounts.deposit(rig.account, 'more', ASKING_CREDIT_MSAT)
    await asked(first, () => true)
    expect(logged('challenge_failed')).toHaveLength(1)
    rig.edge.clock.advance(UNPAID_PAUSE_MS)
    await challenged(first)
    expect(logged('challenge')).toMatchObject([{ result: 'shared' }])
  })

  it('does not wait for what nobody was given', async () => {
    const shared = machine()
    const first = await provider(shared, () => {
      // What it is asked for next has room for one, and the other waits in vain.
      first.sendControl(FRAME.load, { running: 2, waiting: 0, slots: 1 })
      return SLOW_TOKENS
    })
    await provider(shared, () => SLOW_TOKENS)
    await challenged(first, SLOW_TICK_MS)
    const ours = rig.edge.records.filter(({ accountId }) => accountId === rig.account)
    expect(ours.filter(({ providerId }) => providerId === null)).not.toEqual([])
  })
})
