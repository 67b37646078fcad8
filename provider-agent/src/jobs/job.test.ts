import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { FRAME, type FrameType } from '@infernet/schemas/frame'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { decodeControl, endSchema, errorSchema, type JobHeader } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { providerFault } from '../engines/engine.ts'
import { Job, type JobOutcome } from './job.ts'
import { MemoryBudget } from './memory-budget.ts'

const DAY = 24 * 60 * 60 * 1000
const jobId = newJobId(0)
const header: JobHeader = {
  job: jobId,
  lease: leaseOf(jobId, 1),
  endpoint: 'chat.completions',
  continues: false,
  model: 'm',
  stream: true,
  include_usage: false,
  seed: 7,
  max_output_tokens: 10,
  deadline_ms: 1_000,
  price: { prompt: 1, completion: 1 },
}

/** A job with a clock at `now`, recording frames, engine calls and the outcome. */
function makeJob(windowBytes = 100) {
  const frames: { type: FrameType; payload: Uint8Array }[] = []
  const engine: string[] = []
  const outcomes: JobOutcome[] = []
  const clock = { now: 900 }
  const wall = { now: 5_000 }
  const memory = new MemoryBudget(1_000)
  const reservation = memory.reserve(100)!
  const write = (type: FrameType, _channel: number, payload: Uint8Array) => {
    frames.push({ type, payload })
  }
  const job = new Job({
    header,
    channel: 7,
    outlet: { write, writeLazily: write },
    windowBytes,
    memory: reservation,
    clock: { now: () => wall.now, monotonic: () => clock.now },
    onOutcome: (outcome) => outcomes.push(outcome),
  })
  job.attach({
    pause: () => engine.push('pause'),
    resume: () => engine.push('resume'),
    abort: () => engine.push('abort'),
    usage: () => ({ prompt_tokens: 3, completion_tokens: 4 }),
  })
  const types = () => frames.map(({ type }) => type)
  const sent = () =>
    Buffer.concat(frames.filter(({ type }) => type === FRAME.data).map(({ payload }) => payload))
  return { job, frames, engine, outcomes, clock, wall, memory, types, sent }
}

const bytes = (length: number, fill = 97) => Buffer.alloc(length, fill)

describe('a job', () => {
  it('says head, data and end, with the hash of what it sent', () => {
    const { job, frames, types, outcomes, clock } = makeJob()
    clock.now += 42
    job.data(bytes(3))
    job.data(bytes(2, 98))
    clock.now += 8
    job.finish('stop')
    expect(types()).toEqual([FRAME.head, FRAME.data, FRAME.data, FRAME.end])
    expect(Buffer.from(frames[0]!.payload).toString()).toBe('{"ttft_ms":42}')
    const end = decodeControl(endSchema, frames[3]!.payload)
    expect(end).toEqual({
      usage: { prompt_tokens: 3, completion_tokens: 4 },
      finish_reason: 'stop',
      output_sha256: createHash('sha256').update('aaabb').digest('hex'),
    })
    expect(outcomes).toMatchObject([
      { state: 'ended', outputBytes: 5, ttftMs: 42, startedAt: 5_000, endedAt: 5_050 },
    ])
  })

  it('never sends more than its credit and pauses its engine until there is some', () => {
    const { job, types, sent, engine } = makeJob(10)
    job.data(bytes(25))
    expect(sent()).toHaveLength(10)
    expect(engine).toEqual(['pause'])
    job.finish('stop')
    expect(types()).not.toContain(FRAME.end)
    job.credit(10)
    expect(sent()).toHaveLength(20)
    job.credit(10)
    expect(sent()).toHaveLength(25)
    expect(types().at(-1)).toBe(FRAME.end)
  })

  it('resumes the engine when the window opens', () => {
    const { job, engine } = makeJob(10)
    job.data(bytes(10))
    expect(engine).toEqual(['pause'])
    job.credit(1)
    expect(engine).toEqual(['pause', 'resume'])
  })

  it('does not let credit grow the window', () => {
    const { job, sent } = makeJob(10)
    job.credit(1_000_000)
    job.data(bytes(50))
    expect(sent()).toHaveLength(10)
  })

  it('pauses for a full socket and resumes after it, once each', () => {
    const { job, engine } = makeJob()
    job.setCongested(true)
    job.setCongested(true)
    job.setCongested(false)
    expect(engine).toEqual(['pause', 'resume'])
  })

  it('sends every byte in order, whatever the sizes and credits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        (sizes, windowBytes, credit) => {
          const { job, sent, types } = makeJob(windowBytes)
          const all = Buffer.concat(sizes.map((size, i) => bytes(size, i)))
          for (const [i, size] of sizes.entries()) job.data(bytes(size, i))
          job.finish('stop')
          let credited = 0
          while (types().at(-1) !== FRAME.end) {
            expect(sent().length - credited).toBeLessThanOrEqual(windowBytes)
            const step = Math.min(credit, sent().length - credited)
            expect(step).toBeGreaterThan(0)
            credited += step
            job.credit(step)
          }
          expect(sent().equals(all)).toBe(true)
        },
      ),
    )
  })

  it('ends a cancel with what was used, and hears nothing more', () => {
    const { job, frames, types, engine, outcomes } = makeJob()
    job.data(bytes(3))
    job.cancel()
    job.data(bytes(3))
    job.finish('stop')
    job.cancel()
    expect(engine).toEqual(['abort'])
    expect(types()).toEqual([FRAME.head, FRAME.data, FRAME.end])
    expect(decodeControl(endSchema, frames[2]!.payload).finish_reason).toBe('cancelled')
    expect(outcomes).toMatchObject([{ state: 'cancelled', outputBytes: 3 }])
  })

  it('drops what waits for credit when cancelled, and hashes only what was sent', () => {
    const { job, frames } = makeJob(2)
    job.data(bytes(5))
    job.cancel()
    const end = decodeControl(endSchema, frames.at(-1)!.payload)
    expect(end.output_sha256).toBe(createHash('sha256').update('aa').digest('hex'))
  })

  it('fails at its deadline, not before', () => {
    const { job, frames, engine } = makeJob()
    job.checkDeadline(1_899)
    expect(frames).toEqual([])
    job.checkDeadline(1_900)
    expect(engine).toEqual(['abort'])
    const error = decodeControl(errorSchema, frames[0]!.payload)
    expect(error).toMatchObject({ fault: 'provider', code: 'deadline' })
  })

  it('measures and ends alike however often its machine’s clock is set', () => {
    const steps = fc.array(fc.record({ ms: fc.nat(400), set: fc.integer({ min: -DAY, max: DAY }) }))
    fc.assert(
      fc.property(steps, (taken) => {
        const { job, outcomes, clock, wall } = makeJob()
        let [ms, first] = [0, 0]
        for (const [n, step] of taken.entries()) {
          clock.now += step.ms
          wall.now += step.ms + step.set
          ms += step.ms
          if (n === 0) first = ms
          job.checkDeadline(clock.now)
          job.data(bytes(1))
        }
        job.finish('stop')
        const [outcome] = outcomes
        const { state, startedAt, endedAt } = outcome!
        expect(state).toBe(ms < header.deadline_ms ? 'ended' : 'failed')
        if (state === 'ended' && taken.length > 0) expect(outcome!.ttftMs).toBe(first)
        expect(startedAt).toBe(5_000)
        if (state === 'ended') expect(endedAt - startedAt).toBe(ms)
        expect(endedAt - startedAt).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  it('gives its memory back at its end, whatever that is', () => {
    const ends = [
      (job: Job) => job.finish('stop'),
      (job: Job) => job.fail(providerFault('x', 'y')),
      (job: Job) => job.cancel(),
      (job: Job) => job.lose(),
      (job: Job) => job.abandon(providerFault('x', 'y')),
    ]
    for (const end of ends) {
      const { job, memory } = makeJob()
      job.holds(300)
      expect(memory.heldBytes).toBe(400)
      end(job)
      job.holds(500)
      job.cancel()
      expect(memory.heldBytes).toBe(0)
    }
  })

  it('fails, for somebody else to go on, where its answer has no room in memory', () => {
    const { job, frames, engine, memory } = makeJob()
    job.data(bytes(3))
    job.holds(900)
    expect([memory.heldBytes, engine]).toEqual([1_000, []])
    job.holds(901)
    expect([memory.heldBytes, engine]).toEqual([0, ['abort']])
    const error = decodeControl(errorSchema, frames.at(-1)!.payload)
    expect(error).toMatchObject({ fault: 'provider', code: 'memory' })
  })

  it('passes an engine’s failure on, cut to what the wire takes', () => {
    const { job, frames, outcomes } = makeJob()
    job.fail(providerFault('x'.repeat(100), 'y'.repeat(5_000)))
    const error = decodeControl(errorSchema, frames[0]!.payload)
    expect(error.message).toHaveLength(2_048)
    expect(outcomes).toMatchObject([{ state: 'failed', finishReason: 'error', outputBytes: 0 }])
  })

  it('writes nothing on a lost connection but still tells the outcome', () => {
    const { job, types, engine, outcomes } = makeJob()
    job.data(bytes(3))
    job.lose()
    expect(types()).toEqual([FRAME.head, FRAME.data])
    expect(engine).toEqual(['abort'])
    expect(outcomes).toMatchObject([{ state: 'lost', finishReason: 'lost', outputBytes: 3 }])
  })

  it('pauses an engine that is attached while the socket is full', () => {
    const engine: string[] = []
    const job = new Job({
      header,
      channel: 1,
      outlet: { write: () => {}, writeLazily: () => {} },
      windowBytes: 10,
      memory: { grow: () => true, free: () => {} },
      clock: { now: () => 0, monotonic: () => 0 },
      onOutcome: () => {},
    })
    job.setCongested(true)
    const act = (name: string) => () => engine.push(name)
    job.attach({
      pause: act('pause'),
      resume: act('resume'),
      abort: act('abort'),
      usage: () => ({ prompt_tokens: 0, completion_tokens: 0 }),
    })
    expect(engine).toEqual(['pause'])
  })
})
