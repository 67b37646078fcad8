import { expect, it, onTestFinished, vi } from 'vitest'
import type { LeashedProcess, ProcessEnd } from './leash.ts'
import { EngineSupervisor, SUPERVISOR_LIMITS, type EngineFall } from './supervisor.ts'

/** A process that ends when the test says so. */
class FakeProcess implements LeashedProcess {
  readonly #ended = Promise.withResolvers<ProcessEnd>()
  readonly ended = this.#ended.promise
  readonly heard: string[] = []
  terminate = (): void => void this.heard.push('terminate')
  kill = (): void => void this.heard.push('kill')
  /** Resolves when everybody has heard of it. */
  async end(code = 0): Promise<void> {
    this.#ended.resolve({ code, reason: `ended with code ${code}` })
    await vi.advanceTimersByTimeAsync(0)
  }
}

/** An engine that is up. */
async function running() {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const processes: FakeProcess[] = []
  const falls: EngineFall[] = []
  const engine = { isHealthy: true, ups: 0, silentMs: 0, proofs: 0 }
  let proved = Promise.withResolvers<void>()
  const supervisor = new EngineSupervisor({
    launch: () => {
      const process = new FakeProcess()
      processes.push(process)
      return process
    },
    isHealthy: async () => engine.isHealthy,
    silentMs: () => engine.silentMs,
    prove: () => {
      engine.proofs++
      proved = Promise.withResolvers()
      return proved.promise
    },
    limits: SUPERVISOR_LIMITS,
    random: () => 0,
    now: () => performance.now(),
    onUp: () => engine.ups++,
    onDown: (fall) => void falls.push(fall),
  })
  await supervisor.start()
  const latest = () => processes.at(-1)!
  /** Whether a promise has resolved yet. */
  const isOver = async (promise: Promise<void>): Promise<boolean> => {
    let isDone = false
    void promise.then(() => (isDone = true))
    await vi.advanceTimersByTimeAsync(0)
    return isDone
  }
  /** It has given the sign of life that it is asked for, or is asked no more. */
  const prove = () => {
    engine.silentMs = 0
    proved.resolve()
  }
  return { supervisor, processes, falls, engine, latest, isOver, prove }
}

const HOUR = 3_600_000

it('ends to rest, which is no fall, and is not started until it is woken', async () => {
  const { supervisor, processes, falls, engine, latest, isOver } = await running()
  const rested = supervisor.rest()
  expect(latest().heard).toEqual(['terminate'])
  expect(supervisor.isUp).toBe(false)
  expect(await isOver(rested)).toBe(false)
  await latest().end()
  await rested
  await vi.advanceTimersByTimeAsync(HOUR)
  expect([processes.length, falls.length]).toEqual([1, 0])
  expect(latest().heard).toEqual(['terminate'])
  supervisor.wake()
  await vi.advanceTimersByTimeAsync(0)
  expect([processes.length, engine.ups, supervisor.isUp]).toEqual([2, 2, true])
})

it('is killed where it does not end when asked to', async () => {
  const { supervisor, latest } = await running()
  void supervisor.rest()
  await vi.advanceTimersByTimeAsync(SUPERVISOR_LIMITS.stopMs)
  expect(latest().heard).toEqual(['terminate', 'kill'])
})

it('is started when it has ended, where it is woken before; the new one is not killed', async () => {
  const { supervisor, processes, latest } = await running()
  const rested = supervisor.rest()
  supervisor.wake()
  supervisor.wake()
  expect(processes).toHaveLength(1)
  await latest().end()
  await rested
  expect([processes.length, supervisor.isUp]).toEqual([2, true])
  await vi.advanceTimersByTimeAsync(HOUR)
  expect(latest().heard).toEqual([])
})

it('rests all the same where it is woken and put to rest before it has ended', async () => {
  const { supervisor, processes, latest } = await running()
  void supervisor.rest()
  supervisor.wake()
  const rested = supervisor.rest()
  await latest().end()
  await rested
  await vi.advanceTimersByTimeAsync(HOUR)
  expect(processes).toHaveLength(1)
})

it('is started again the usual way where it falls while it wakes', async () => {
  const { supervisor, processes, falls, engine, latest } = await running()
  const rested = supervisor.rest()
  await latest().end()
  await rested
  engine.isHealthy = false
  supervisor.wake()
  await latest().end(7)
  expect(falls).toEqual([{ code: 7, reason: 'ended with code 7', retryMs: 500 }])
  engine.isHealthy = true
  await vi.advanceTimersByTimeAsync(500)
  expect([processes.length, supervisor.isUp]).toEqual([3, true])
})

it('rests while it waits to be started again: it is not', async () => {
  const { supervisor, processes, falls, latest } = await running()
  await latest().end(1)
  expect(falls).toHaveLength(1)
  await supervisor.rest()
  await vi.advanceTimersByTimeAsync(HOUR)
  expect(processes).toHaveLength(1)
  supervisor.wake()
  expect(processes).toHaveLength(2)
})

it.each(['resting', 'leaving', 'returning'])('is stopped for good while %s', async (state) => {
  const { supervisor, processes, latest, isOver } = await running()
  const rested = supervisor.rest()
  if (state === 'resting') await latest().end()
  if (state === 'returning') supervisor.wake()
  const stopped = supervisor.stop()
  if (state !== 'resting') {
    expect(await isOver(stopped)).toBe(false)
    await latest().end()
  }
  await Promise.all([rested, stopped])
  supervisor.wake()
  await supervisor.rest()
  await vi.advanceTimersByTimeAsync(HOUR)
  expect(processes).toHaveLength(1)
})

it('is killed when it hangs inside: it is healthy, but silent, and gives no sign of life', async () => {
  const { processes, falls, engine, latest } = await running()
  engine.silentMs = 45_001
  await vi.advanceTimersByTimeAsync(240_000)
  expect([engine.proofs, latest().heard]).toEqual([1, []])
  engine.silentMs = 280_001
  await vi.advanceTimersByTimeAsync(2_000)
  expect(latest().heard).toEqual(['kill'])
  await latest().end()
  const reason = 'has let an answer wait for 280 s, and was killed'
  expect(falls).toEqual([{ code: undefined, reason, retryMs: 500 }])
  engine.silentMs = 0
  await vi.advanceTimersByTimeAsync(500)
  expect(processes).toHaveLength(2)
})

it('is not killed where it gives signs of life, each time that it is asked', async () => {
  const { engine, latest, prove } = await running()
  for (const proofs of [1, 2, 3]) {
    engine.silentMs = 200_000
    await vi.advanceTimersByTimeAsync(20_000)
    expect(engine.proofs).toBe(proofs)
    prove()
    await vi.advanceTimersByTimeAsync(20_000)
  }
  expect(latest().heard).toEqual([])
})

it('is killed where it leaves a question unanswered, though something was heard meanwhile', async () => {
  const { engine, latest } = await running()
  engine.silentMs = 46_000
  await vi.advanceTimersByTimeAsync(10_000)
  engine.silentMs = 0
  await vi.advanceTimersByTimeAsync(10_000)
  engine.silentMs = 46_000
  await vi.advanceTimersByTimeAsync(40_000)
  engine.silentMs = 281_000
  await vi.advanceTimersByTimeAsync(2_000)
  expect([engine.proofs, latest().heard]).toEqual([1, ['kill']])
})

it('has time to answer anew where something was heard while the question was out', async () => {
  const { engine, latest } = await running()
  engine.silentMs = 46_000
  await vi.advanceTimersByTimeAsync(40_000)
  engine.silentMs = 0
  await vi.advanceTimersByTimeAsync(4_000)
  engine.silentMs = 281_000
  await vi.advanceTimersByTimeAsync(20_000)
  expect(latest().heard).toEqual([])
  await vi.advanceTimersByTimeAsync(20_000)
  expect(latest().heard).toEqual(['kill'])
})

it('is not killed before it was asked, however long it was silent: we may have slept', async () => {
  const { engine, latest, prove } = await running()
  engine.silentMs = 3_600_000
  await vi.advanceTimersByTimeAsync(10_000)
  prove()
  await vi.advanceTimersByTimeAsync(60_000)
  expect([engine.proofs, latest().heard]).toEqual([1, []])
})
