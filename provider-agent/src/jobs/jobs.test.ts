import { setImmediate as turn } from 'node:timers/promises'
import { FRAME, type FrameType } from '@infernet/schemas/frame'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { encodeJob } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import type { Engine, EngineSink } from '../engines/engine.ts'
import { jobBytes } from './job-memory.ts'
import { Jobs, type BusyReason } from './jobs.ts'
import { MemoryBudget } from './memory-budget.ts'

const job = newJobId(0)
const payload = encodeJob(
  {
    job,
    lease: leaseOf(job, 1),
    endpoint: 'chat.completions',
    continues: false,
    model: 'm',
    stream: false,
    include_usage: false,
    seed: 7,
    max_output_tokens: 10,
    deadline_ms: 1_000,
    price: { prompt: 1, completion: 1 },
  },
  Buffer.from('{}'),
)

/** Jobs on an engine that is told what to say, and all that happens in its order. */
function makeJobs(memory = new MemoryBudget(jobBytes(2) * 100)) {
  const seen: (FrameType | 'told')[] = []
  const sinks: EngineSink[] = []
  const refusals: BusyReason[] = []
  const engine: Engine = {
    kind: 'tiny',
    models: [{ id: 'm', contextLength: 1, endpoints: ['chat.completions'], capabilities: [] }],
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
    begin: (_, sink) => {
      sinks.push(sink)
      const usage = () => ({ prompt_tokens: 1, completion_tokens: 1 })
      return { pause: () => {}, resume: () => {}, abort: () => {}, usage }
    },
  }
  const write = (type: FrameType): void => void setImmediate(() => seen.push(type))
  const jobs = new Jobs({
    engine,
    outlet: { write, writeLazily: write },
    slots: () => 9,
    slotsPerModel: () => 9,
    windowBytes: 100,
    clock: { now: () => 0, monotonic: () => 0 },
    onOutcome: () => seen.push('told'),
    memory,
    onBusy: (reason) => refusals.push(reason),
  })
  const answer = (): void => {
    jobs.open(1, payload)
    sinks.at(-1)?.data(Buffer.from('answer'))
    sinks.at(-1)?.finish('stop')
  }
  return { jobs, seen, sinks, refusals, answer }
}

const ANSWER = [FRAME.accept, FRAME.head, FRAME.data, FRAME.end]

describe('jobs', () => {
  it('have left before their outcomes are noted, and are not idle before that', async () => {
    const { jobs, seen, answer } = makeJobs()
    answer()
    expect(jobs.running).toBe(0)
    await jobs.idle(5_000)
    expect(seen).toEqual([...ANSWER, 'told'])
  })

  it('are refused where they have no room in memory, until one has ended', async () => {
    const memory = new MemoryBudget(jobBytes(2) * 4)
    const { jobs, seen, sinks, refusals } = makeJobs(memory)
    for (let channel = 1; channel <= 5; channel++) jobs.open(channel, payload)
    expect([jobs.running, refusals]).toEqual([3, ['memory', 'memory']])
    sinks[0]?.finish('stop')
    jobs.open(6, payload)
    expect([jobs.running, refusals.length]).toEqual([3, 2])
    jobs.loseAll()
    expect(memory.heldBytes).toBe(0)
    await turn()
    expect(seen.filter((type) => type === FRAME.busy)).toHaveLength(2)
  })

  it.each(['abandonAll', 'loseAll'] as const)('are all noted after %s', (end) => {
    const { jobs, seen, answer } = makeJobs()
    answer()
    jobs.open(2, payload)
    jobs[end]()
    expect(seen).toEqual(['told', 'told'])
  })
})
