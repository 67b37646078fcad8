import { afterEach, describe, expect, it } from 'vitest'
import { ask, contentOf, RecordingSink, requestOf } from './engine-conformance.ts'
import { EngineStartError, type Engine } from './engine.ts'

/** Of the machine, not of the engine: it may have to load a model on a busy one. */
const SOON = { timeout: 50_000 }

/** An engine that can rest, not started. */
export interface RestSubject {
  readonly engine: Engine
  readonly model: string
  /** Something that is answered with 20 tokens or more at temperature 0. */
  readonly longQuestion: string
  /** How many processes the engine has now. */
  readonly processes: () => number
}

/** What every engine must do that can rest; run it from the engine's own test. */
export function restConformance(name: string, make: () => RestSubject): void {
  const made: Engine[] = []
  afterEach(async () => {
    for (const engine of made.splice(0)) await engine.close()
  })

  async function started() {
    const subject = make()
    const { engine, model, longQuestion } = subject
    made.push(engine)
    /** What it offered, each time that it said it had changed. */
    const changes: string[][] = []
    const troubles: string[] = []
    await engine.start({
      modelsChanged: () => changes.push(engine.models.map(({ id }) => id)),
      trouble: (message) => void troubles.push(message),
    })
    changes.length = 0
    troubles.length = 0
    const say = { messages: [{ role: 'user', content: longQuestion }] }
    const isBack = () => expect.poll(() => engine.models.length, SOON).toBe(1)
    if (engine.rest === undefined || engine.wake === undefined) {
      throw new EngineStartError(`${engine.kind} cannot rest`)
    }
    return { ...subject, rest: engine.rest.bind(engine), say, model, changes, troubles, isBack }
  }

  describe(`${name} keeps the contract of engines that can rest`, () => {
    it('has no process and no model while it rests, and answers as before when woken', async () => {
      const { engine, rest, model, say, processes, changes, troubles, isBack } = await started()
      const before = await ask(engine, model, say)
      expect(processes()).toBeGreaterThan(0)
      await rest()
      await expect.poll(processes, SOON).toBe(0)
      expect(engine.models).toEqual([])
      expect((await ask(engine, model, say)).error).toMatchObject({ fault: 'provider' })
      await rest()
      engine.wake?.()
      await isBack()
      const after = await ask(engine, model, say)
      expect(contentOf(after.text)).toBe(contentOf(before.text))
      expect(changes).toEqual([[], [model]])
      expect(troubles).toEqual([])
    })

    it('finishes what it has begun before it rests, and begins nothing more', async () => {
      const { engine, rest, model, say, processes } = await started()
      const sink = new RecordingSink()
      engine.begin(requestOf(model, say), sink)
      await sink.begun
      const rested = rest()
      expect(engine.models).toEqual([])
      expect((await ask(engine, model, say)).error).toMatchObject({ fault: 'provider' })
      await sink.settled
      expect(sink.error).toBeUndefined()
      await rested
      await expect.poll(processes, SOON).toBe(0)
    })

    it('does not wait for an answer that nobody wants any more', async () => {
      const { engine, rest, model, say, processes } = await started()
      const sink = new RecordingSink()
      const run = engine.begin(requestOf(model, say), sink)
      await sink.begun
      run.pause()
      const rested = rest()
      run.abort()
      await rested
      await expect.poll(processes, SOON).toBe(0)
    })

    it('is there again at once where it is woken before it has ended', async () => {
      const { engine, rest, model, say, changes } = await started()
      const sink = new RecordingSink()
      const run = engine.begin(requestOf(model, say), sink)
      await sink.begun
      run.pause()
      const rested = rest()
      engine.wake?.()
      await rested
      expect(engine.models).toMatchObject([{ id: model }])
      expect(changes).toEqual([[], [model]])
      run.resume()
      await sink.settled
      expect(sink.error).toBeUndefined()
    })

    it('comes back where it is woken while it ends', async () => {
      const { engine, rest, model, say, isBack } = await started()
      const rested = rest()
      // Nothing is in work: it is asked to end in the next turn.
      await Promise.resolve()
      engine.wake?.()
      await rested
      await isBack()
      expect((await ask(engine, model, say)).error).toBeUndefined()
    })

    it('is closed for good while it rests, while it is about to, and while it wakes', async () => {
      const resting = await started()
      await resting.rest()
      const busy = await started()
      const sink = new RecordingSink()
      busy.engine.begin(requestOf(busy.model, busy.say), sink).pause()
      const rested = busy.rest()
      const waking = await started()
      await waking.rest()
      waking.engine.wake?.()
      for (const { engine } of [resting, busy, waking]) {
        await engine.close()
        engine.wake?.()
        expect(engine.models).toEqual([])
      }
      await rested
      for (const { processes } of [resting, busy, waking])
        await expect.poll(processes, SOON).toBe(0)
    })
  })
}
