// The processes that handle money are killed with SIGKILL at named steps, one after the other in one system
// that is never begun anew. What fails is replayed by its seed: INFERNET_CRASH_SEED=… ; INFERNET_CRASH_KILLS=…
// asks for more than a test run has time for, INFERNET_CRASH_REPORT=FILE for a table of what was killed where.
import { writeFileSync } from 'node:fs'
import { EDGE_STEPS } from '@infernet/edge/crash-points'
import { CRASH_STEPS } from '@infernet/settlement/settler/crash-at'
import { seeded } from '@infernet/settlement/testing/quick-rim'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { crashReport } from './crash-report.ts'
import { STEPS, type Flow } from './crash-steps.ts'
import { CrashWorld, QUIET_MS, VICTIMS, type CrashPlan } from './crash-world.ts'

const KILLS = Number(process.env['INFERNET_CRASH_KILLS'] ?? 8)
const SEED = Number(process.env['INFERNET_CRASH_SEED'] ?? Date.now() % 1_000_000)
/** INFERNET_CRASH_HOST=workerd kills the Worker runtime in place of the Node host. */
const HOST = process.env['INFERNET_CRASH_HOST'] === 'workerd' ? 'workerd' : 'node'
const REPORT = process.env['INFERNET_CRASH_REPORT']
/** Of one kill with its restart, on a busy machine. */
const MS_PER_KILL = 90_000
/** Books are compared after so many. */
const RECONCILE_EVERY = 8

/** A step that no flow comes to within so many tries is a dead name, or a way that money no more goes. */
const TRIES = 4

/** Every pair of a step and a victim. */
const PAIRS: readonly CrashPlan[] = Object.entries(STEPS).flatMap(([flow, steps]) =>
  steps.flatMap((step) => VICTIMS.map((victim) => ({ flow: flow as Flow, step, victim }))),
)

/** Each of them once in random order, and again. */
function* plans(random: () => number): Generator<CrashPlan> {
  for (;;) {
    const left = [...PAIRS]
    while (left.length > 0) yield* left.splice(Math.floor(random() * left.length), 1)
  }
}

describe(`money survives kill -9 (${HOST} host, ${KILLS} kills, seed ${SEED})`, () => {
  let world: CrashWorld
  const startedAt = Date.now()
  const killed: CrashPlan[] = []

  beforeAll(async () => {
    world = await CrashWorld.start(HOST, 18_540)
  })
  afterAll(() => world?.stop())

  /** The flow is told again until it has passed the step, which is a matter of chance where two ways lead on. */
  async function kill(plan: CrashPlan): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) if (await world.run(plan)) return
    throw new Error(`the flow has not come to this step in ${TRIES} tries`)
  }

  function report(failure?: string): void {
    if (REPORT === undefined) return
    const { reconciled } = world
    const run = { host: HOST, seed: SEED, startedAt, endedAt: Date.now(), pairs: PAIRS.length }
    writeFileSync(REPORT, crashReport({ ...run, kills: killed, reconciled, failure }))
  }

  it('has each of the points that edge and settler have', () => {
    const passed = new Set(PAIRS.map(({ step }) => step))
    const known: readonly string[] = [...EDGE_STEPS, ...CRASH_STEPS]
    expect([...passed].filter((step) => !known.includes(step))).toEqual([])
    // Only where a payment was already under way when its settler came back.
    expect(known.filter((step) => !passed.has(step))).toEqual(['tracking', 'tracked'])
  })

  it(
    'is neither lost nor paid twice, and nothing is stuck',
    async ({ onTestFailed }) => {
      onTestFailed(({ task }) => report(task.result?.errors?.[0]?.message ?? 'unknown'))
      const planned = plans(seeded(SEED))
      while (world.kills < KILLS) {
        const plan = planned.next().value as CrashPlan
        await kill(plan).catch((cause: unknown) => {
          const after = `after ${world.kills} kills, seed ${SEED}`
          throw new Error(`${JSON.stringify(plan)} ${after}: ${String(cause)}`, { cause })
        })
        killed.push(plan)
        process.stderr.write(`kill ${world.kills}/${KILLS}: ${JSON.stringify(plan)}\n`)
        if (world.kills % RECONCILE_EVERY === 0) await world.settle()
      }
      await world.settle()
      report()
    },
    KILLS * MS_PER_KILL + QUIET_MS,
  )
})
