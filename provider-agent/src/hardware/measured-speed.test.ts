import * as fc from 'fast-check'
import { measuredSpeedSchema } from '@infernet/schemas/hardware'
import { MAX_MEASURED_MODELS } from '@infernet/schemas/limits'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { measuredSpeed, speedsIn, type SpeedBook, type TimedJob } from './measured-speed.ts'

const id = newJobId(0)
interface Timing {
  readonly prompt: number
  readonly answer: number
  readonly ttftMs: number
  readonly decodeMs: number
}
const job = (
  { prompt, answer, ttftMs, decodeMs }: Timing,
  changes: Partial<TimedJob> = {},
): TimedJob => ({
  header: {
    job: id,
    lease: leaseOf(id, 1),
    endpoint: 'chat.completions',
    continues: false,
    model: 'm',
    stream: true,
    include_usage: false,
    seed: 1,
    max_output_tokens: 1000,
    deadline_ms: 1000,
    price: { prompt: 1, completion: 1 },
  },
  state: 'ended',
  usage: { prompt_tokens: prompt, completion_tokens: answer },
  startedAt: 1_000,
  endedAt: 1_000 + ttftMs + decodeMs,
  ttftMs,
  ...changes,
})
const typical: Timing = { prompt: 1000, answer: 201, ttftMs: 500, decodeMs: 4_000 }
const after = (jobs: readonly TimedJob[], book: SpeedBook = new Map()) =>
  speedsIn(jobs.reduce(measuredSpeed, book))

const timing = fc.record({
  prompt: fc.integer({ min: 32, max: 100_000 }),
  answer: fc.integer({ min: 17, max: 10_000 }),
  ttftMs: fc.integer({ min: 1, max: 60_000 }),
  decodeMs: fc.integer({ min: 1, max: 600_000 }),
})

describe('measured speed', () => {
  it('of one job is its own', () => {
    expect(after([job(typical)])).toEqual([
      { model: 'm', jobs: 1, decode_tokens_s: 50, prefill_tokens_s: 2000 },
    ])
  })

  it('is between the slowest and the fastest of its jobs', () => {
    fc.assert(
      fc.property(fc.array(timing, { minLength: 1, maxLength: 50 }), (timings) => {
        const [speed] = after(timings.map((one) => job(one)))
        const rates = timings.map(({ answer, decodeMs }) => ((answer - 1) * 1000) / decodeMs)
        expect(speed?.decode_tokens_s).toBeGreaterThanOrEqual(Math.min(...rates) - 0.06)
        expect(speed?.decode_tokens_s).toBeLessThanOrEqual(Math.max(...rates) + 0.1)
        expect(measuredSpeedSchema.parse(speed)).toEqual(speed)
      }),
    )
  })

  it('comes near to what is the case now, whatever was before', () => {
    fc.assert(
      fc.property(fc.array(timing, { maxLength: 20 }), (timings) => {
        const past = timings.map((one) => job(one)).reduce(measuredSpeed, new Map() as SpeedBook)
        const [speed] = after(
          Array.from({ length: 200 }, () => job(typical)),
          past,
        )
        expect(speed?.decode_tokens_s).toBeCloseTo(50, 0)
        expect(speed?.prefill_tokens_s).toBeCloseTo(2000, -1)
      }),
    )
  })

  it('is no other model’s, in whatever order they come', () => {
    const other = job({ ...typical, decodeMs: 1 })
    const named: TimedJob = { ...other, header: { ...other.header, model: 'other' } }
    const jobs = [job(typical), named, job({ ...typical, decodeMs: 8_000 }), named]
    const [alone] = after(jobs.filter(({ header }) => header.model === 'm'))
    expect(after(jobs).find(({ model }) => model === 'm')).toEqual(alone)
  })

  it('leaves cached prompts out', () => {
    const usage = { prompt_tokens: 1000, completion_tokens: 201, cached_tokens: 900 }
    expect(after([job(typical, { usage })])).toMatchObject([{ prefill_tokens_s: 200 }])
    const cached = { ...usage, cached_tokens: 1000 }
    expect(after([job(typical, { usage: cached })])).toEqual([
      { model: 'm', jobs: 1, decode_tokens_s: 50 },
    ])
  })

  it.each<[string, TimedJob]>([
    ['was broken off', job(typical, { state: 'cancelled' })],
    ['came in one piece', job(typical, { header: { ...job(typical).header, stream: false } })],
    ['said nothing', job(typical, { ttftMs: undefined })],
    ['was short', job({ ...typical, prompt: 31, answer: 16 })],
    ['took no time', job({ ...typical, ttftMs: 0, decodeMs: 0 })],
    [
      'was counted by us',
      job(typical, {
        usage: { prompt_tokens: 1000, completion_tokens: 201, estimated: true },
      }),
    ],
  ])('does not come from a job that %s', (_, one) => {
    expect(after([one])).toEqual([])
  })

  it('is kept of the models that were measured last', () => {
    const named = (i: number): TimedJob => ({
      ...job(typical),
      header: { ...job(typical).header, model: `m${i}` },
    })
    const jobs = Array.from({ length: MAX_MEASURED_MODELS + 5 }, (_, i) => named(i))
    const models = after([...jobs, named(6)]).map(({ model }) => model)
    expect(models).toHaveLength(MAX_MEASURED_MODELS)
    expect(models.at(-1)).toBe('m6')
    expect(models).not.toContain('m4')
  })
})
