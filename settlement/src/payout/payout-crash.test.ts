// Kills the engine at every step of a payout, whatever the payee and the node do meanwhile, lets the next
// one go on, and compares the ledger with both nodes. INFERNET_PAYOUT_SEED replays a run.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Balances } from '../ledger/balances.ts'
import { topUpSettled } from '../ledger/credit-events.ts'
import type { LightningBackend } from '../lightning/lightning-backend.ts'
import type { SimFault } from '../lightning/sim/sim-faults.ts'
import { MemoryPayoutStore } from '../testing/memory-payout-store.ts'
import { PayoutRig, type PayeeManner } from '../testing/payout-rig.ts'
import { PayoutEngine } from './payout-engine.ts'
import type { PayoutStep } from './payout-hooks.ts'
import { feeLimit } from './payout-policy.ts'
import type { PayoutDestination, PayoutDraft, PayoutStore } from './payout-store.ts'

/** Each destination with each fault of the first call. */
const SCENARIOS = 15
const LEAST_COMBINATIONS = 200
const FIRST_SEED = Number(process.env['INFERNET_PAYOUT_SEED'] ?? Date.now() % 1_000_000)
const CREDIT = 10_000_000n
const KEY = new Uint8Array(32).fill(7)
const TWO_HOURS_MS = 7_200_000
/** Of its calls, where it does. */
const STORE_FAILS = 0.15

/** Where an engine ends: at its n-th step, or soon after it has asked the node to pay. */
type Kill = number | 'in_the_air'

interface Scenario {
  readonly seed: number
  readonly destination: 'bolt11' | 'ask' | 'keysend'
  readonly manners: readonly PayeeManner[]
  readonly sending: readonly SimFault[]
  readonly tracking: readonly SimFault[]
  readonly amountMsat: bigint
  readonly ownerPaysRouting: boolean
  readonly storeFails: boolean
  readonly timePasses: boolean
  readonly restarts: boolean
}

describe(`a payout (INFERNET_PAYOUT_SEED=${FIRST_SEED})`, () => {
  let rig: PayoutRig
  let lightning: LightningBackend
  let plays = 0
  let combinations = 0
  beforeAll(async () => {
    rig = await PayoutRig.start()
    lightning = await rig.connect()
  })
  afterAll(() => rig.close())

  it.each(Array.from({ length: SCENARIOS }, (_, i) => [i] as const))(
    'survives kills at all of its steps: scenario %i',
    survives,
  )

  it(`survives at least ${LEAST_COMBINATIONS} of them`, async () => {
    for (let index = SCENARIOS; ; index++) {
      if (combinations >= LEAST_COMBINATIONS) return
      await survives(index)
    }
  })

  async function survives(index: number): Promise<void> {
    const scenario = scenarioOf(index)
    const steps = await play(scenario, [])
    for (let step = 1; step <= steps; step++)
      await play(scenario, [step, 1 + (((step + scenario.seed) * 7) % 9)])
    await play(scenario, ['in_the_air', 'in_the_air'])
  }

  /** One engine per kill and one that is left alone. Returns the steps that the last one took. */
  async function play(scenario: Scenario, kills: readonly Kill[]): Promise<number> {
    const { seed, amountMsat } = scenario
    if (kills.length > 0) combinations++
    const balances = new Balances()
    balances.post(topUpSettled({ paymentHash: 'credit', to: 'client:c', amount: CREDIT }))
    const store = new MemoryPayoutStore(balances)
    const [payerHad, payeeHad] = [rig.has(rig.payer), rig.has(rig.payee)]
    const draft: PayoutDraft = {
      id: `seed-${seed}-${++plays}`,
      owner: 'client:c',
      amountMsat,
      feeReserveMsat: scenario.ownerPaysRouting ? feeLimit(amountMsat) : 0n,
      feeLimitMsat: feeLimit(amountMsat),
      destination: destinationOf(scenario),
    }
    rig.plan('SendPaymentV2', ...scenario.sending)
    rig.plan('TrackPaymentV2', ...scenario.tracking)

    let lastSteps: PayoutStep[] = []
    let asked = 0
    const random = randomOf(seed + (typeof kills[0] === 'number' ? kills[0] : 0))
    const live = async (kill: Kill | undefined) => {
      const steps: PayoutStep[] = []
      lastSteps = steps
      const stop = new AbortController()
      const die = () => stop.abort(new Error(`killed at ${steps.join(' ')}`))
      const engine = new PayoutEngine({
        store: scenario.storeFails ? flaky(store, () => random() < STORE_FAILS) : store,
        lightning,
        node: { pubkey: rig.payer.pubkey, network: 'regtest' },
        keysendKey: KEY,
        requestInvoice: async () =>
          rig.invoice(amountMsat, scenario.manners[asked++ % scenario.manners.length]),
        signal: stop.signal,
        hooks: rig.hooks({
          at: (step) => {
            steps.push(step)
            if (kill === steps.length) die()
            if (kill === 'in_the_air' && step === 'paying') setTimeout(die, seed % 3)
            stop.signal.throwIfAborted()
          },
        }),
      })
      await engine.resume()
      return await engine.pay(draft)
    }

    const trail: string[] = []
    for (const kill of kills) {
      await live(kill).catch((error: Error) => {
        if (!error.message.startsWith('killed')) throw error
        trail.push(error.message)
      })
      if (scenario.timePasses) rig.passTime(TWO_HOURS_MS)
      if (scenario.restarts) {
        await rig.restartPayer()
        lightning = await rig.connect()
      }
    }
    const payout = await live(undefined)
    rig.forgetFaults()

    const what = `INFERNET_PAYOUT_SEED=${FIRST_SEED}, kills ${String(kills)}: ${JSON.stringify(trail)}`
    const arrived = payout.state === 'succeeded' ? amountMsat : 0n
    const proofs = payout.attempts.flatMap(({ proof }) => proof ?? [])
    const routing = proofs.reduce((sum, { feeMsat }) => sum + feeMsat, 0n)
    const byOwner = routing < draft.feeReserveMsat ? routing : draft.feeReserveMsat
    const { owed, had, own } = balances.position()
    expect(['succeeded', 'failed'], what).toContain(payout.state)
    expect(await store.unfinished('', 1), what).toEqual([])
    expect(proofs.length, what).toBe(payout.state === 'succeeded' ? 1 : 0)
    expect(rig.has(rig.payee) - payeeHad, what).toBe(arrived)
    expect(payerHad - rig.has(rig.payer), what).toBe(arrived + routing)
    expect(balances.of('asset:ln') + CREDIT, what).toBe(arrived + routing)
    expect(balances.of('client:c'), what).toBe(CREDIT - arrived - byOwner)
    expect(balances.of(`payout_inflight:${draft.id}`), what).toBe(0n)
    expect(owed + own - had, what).toBe(0n)
    expect(rig.payer.payments.all().filter(({ status }) => status === 'IN_FLIGHT')).toEqual([])
    return lastSteps.length
  }

  function destinationOf({ destination, amountMsat, manners }: Scenario): PayoutDestination {
    const payee = rig.payee.pubkey
    if (destination === 'keysend') return { kind: 'keysend', pubkey: payee }
    if (destination === 'ask') return { kind: 'ask', whom: 'the payee', payee }
    return { kind: 'bolt11', bolt11: rig.invoice(amountMsat, manners[0]), payee }
  }
})

const FAULTS: readonly SimFault[] = [
  { kind: 'cut' },
  { kind: 'refuse' },
  { kind: 'end_early' },
  { kind: 'say_twice' },
  { kind: 'slow', ms: 2 },
]
const MANNERS: readonly PayeeManner[] = [
  'takes',
  'refuses',
  'holds_and_takes',
  'holds_and_gives_back',
]

function scenarioOf(index: number): Scenario {
  const seed = FIRST_SEED + index
  const random = randomOf(seed)
  const one = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const some = () => Array.from({ length: Math.floor(random() * 3) }, () => one(FAULTS))
  return {
    seed,
    destination: (['ask', 'keysend', 'bolt11'] as const)[index % 3]!,
    // One of them may fail to its end; that takes many steps.
    manners: [one(MANNERS), index === 3 ? one(MANNERS) : 'takes'],
    sending: [FAULTS[index % FAULTS.length]!, ...some()],
    tracking: some(),
    amountMsat: one([1n, 999n, 60_000n, 2_000_001n]),
    ownerPaysRouting: random() < 0.5,
    storeFails: index % 4 === 0,
    timePasses: random() < 0.3,
    restarts: index === 1,
  }
}

/** A store that is now and then away, and now and then does what it is told and cannot say so. */
function flaky(store: PayoutStore, fails: () => boolean): PayoutStore {
  const unreliable =
    <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (fails()) throw new Error('the store is away')
      const result = await method.apply(store, args)
      if (fails()) throw new Error('its answer was lost')
      return result
    }
  return {
    open: (draft) => store.open(draft),
    read: unreliable(store.read),
    recordAttempt: unreliable(store.recordAttempt),
    attemptFailed: unreliable(store.attemptFailed),
    succeed: unreliable(store.succeed),
    giveUp: unreliable(store.giveUp),
    unfinished: unreliable(store.unfinished),
  }
}

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
