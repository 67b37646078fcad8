// The processes that handle money are killed with SIGKILL at named steps, one after the other in one system
// that is never begun anew. What fails is replayed by its seed: INFERNET_CRASH_SEED=… ; INFERNET_CRASH_KILLS=…
// asks for more than a test run has time for.
import { seeded } from '@infernet/settlement/testing/quick-rim'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CrashWorld, QUIET_MS, type CrashPlan, type Flow, type Victim } from './crash-world.ts'

const KILLS = Number(process.env['INFERNET_CRASH_KILLS'] ?? 8)
const SEED = Number(process.env['INFERNET_CRASH_SEED'] ?? Date.now() % 1_000_000)
/** INFERNET_CRASH_HOST=workerd kills the Worker runtime in place of the Node host. */
const HOST = process.env['INFERNET_CRASH_HOST'] === 'workerd' ? 'workerd' : 'node'
/** Of one kill with its restart, on a busy machine. */
const MS_PER_KILL = 30_000
/** Books are compared after so many. */
const RECONCILE_EVERY = 8

const VICTIMS: readonly Victim[] = ['settler', 'edge', 'database']
/** Points that a flow passes in the settler, in order. */
const PAYING = [
  'opening',
  'opened',
  'recording',
  'recorded',
  'paying',
  'paid',
  'succeeding',
  'succeeded',
]
const ASKING = ['payout:starting', 'asking', 'asked']
const TRANSFER = ['transfer:asking', 'transfer:asked']
const STEPS: Readonly<Record<Flow, readonly string[]>> = {
  topup: ['order:issuing', 'order:issued', 'credit:before', 'credit:after', ...TRANSFER],
  request: ['release:before', 'release:after', ...ASKING, ...PAYING],
  withdrawal: [...TRANSFER, 'withdrawal:starting', ...PAYING],
  escrow: [
    'escrow:opening',
    'escrow:opened',
    'job:asking',
    'job:asked',
    'escrow:deciding',
    'escrow:decided',
    ...ASKING,
    ...PAYING,
  ],
}

/** Every pair of a step and a victim once in random order, and again. */
function* plans(random: () => number): Generator<CrashPlan> {
  const all = Object.entries(STEPS).flatMap(([flow, steps]) =>
    steps.flatMap((step) => VICTIMS.map((victim) => ({ flow: flow as Flow, step, victim }))),
  )
  for (;;) {
    const left = [...all]
    while (left.length > 0) yield* left.splice(Math.floor(random() * left.length), 1)
  }
}

describe(`money survives kill -9 (${HOST} host, ${KILLS} kills, seed ${SEED})`, () => {
  let world: CrashWorld

  beforeAll(async () => {
    world = await CrashWorld.start(HOST, 18_540)
  })
  afterAll(() => world?.stop())

  it(
    'is neither lost nor paid twice, and nothing is stuck',
    async () => {
      const planned = plans(seeded(SEED))
      for (let next = planned.next(); world.kills < KILLS; next = planned.next()) {
        const before = world.kills
        const plan = next.value as CrashPlan
        await world.run(plan).catch((cause: unknown) => {
          throw new Error(`${JSON.stringify(plan)} after ${before} kills, seed ${SEED}`, { cause })
        })
        if (world.kills === before) continue
        process.stderr.write(`kill ${world.kills}/${KILLS}: ${JSON.stringify(plan)}\n`)
        if (world.kills % RECONCILE_EVERY === 0) await world.settle()
      }
      await world.settle()
      expect(world.kills).toBe(KILLS)
    },
    KILLS * MS_PER_KILL + QUIET_MS,
  )
})
