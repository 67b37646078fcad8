import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { SPEED_INTERVAL_MS } from './hardware-limits.ts'
import { HardwareRecord } from './hardware-record.ts'
import type { TimedJob } from './measured-speed.ts'

const id = newJobId(0)
const job: TimedJob = {
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
  usage: { prompt_tokens: 100, completion_tokens: 101 },
  startedAt: 0,
  endedAt: 3_000,
  ttftMs: 1_000,
}
const declared = { gpus: [], memory_mib: 1000 }

describe('what an edge is told of the hardware', () => {
  it('is what it is, and then how fast it has been, now and then', async () => {
    const record = new HardwareRecord(Promise.resolve(declared))
    await record.known()
    expect(record.isDue(0)).toBe(true)
    expect(record.tell(0)).toEqual(declared)
    expect(record.isDue(SPEED_INTERVAL_MS)).toBe(false)
    record.finished(job)
    expect(record.isDue(SPEED_INTERVAL_MS - 1)).toBe(false)
    expect(record.isDue(SPEED_INTERVAL_MS)).toBe(true)
    expect(record.tell(SPEED_INTERVAL_MS)).toEqual({
      ...declared,
      measured: [{ model: 'm', jobs: 1, decode_tokens_s: 50, prefill_tokens_s: 100 }],
    })
    expect(record.isDue(10 * SPEED_INTERVAL_MS)).toBe(false)
  })

  it('comes at once when it is known late', async () => {
    const found = Promise.withResolvers<typeof declared>()
    const record = new HardwareRecord(found.promise)
    record.finished(job)
    expect(record.tell(5)).toBeUndefined()
    expect(record.isDue(6)).toBe(false)
    found.resolve(declared)
    await record.known()
    expect(record.isDue(6)).toBe(true)
    expect(record.tell(6)).toMatchObject({ ...declared, measured: [{ model: 'm' }] })
  })
})
