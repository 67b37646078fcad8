import { describe, expect, it } from 'vitest'
import { agentRows, type AgentSample, type Measure, MEASURES } from './agent-figures.ts'
import { judgeAgent } from './agent-goals.ts'
import type { AgentLoad } from './agent-load.ts'
import { WatchedJob } from './watched-job.ts'

const LOAD: AgentLoad = {
  name: 'x',
  title: 'x',
  concurrency: 1,
  stream: true,
  chunks: 2,
  gapMs: 0,
  shown: false,
}
const OPENING = 'data: opening\n\n'
const chunk = (place: number) => `data: @@${String(place).padStart(16, '0')}\n\n`
const CLOSING = 'data: closing\n\n'

/** A job whose events were written at 10, 20 and 30 µs, and whose bytes come as given, at 100, 200 … */
async function jobOf(parts: readonly string[]) {
  const job = new WatchedJob(1, LOAD)
  job.sent(1)
  job.asked(5)
  for (const at of [10, 20, 30]) job.wrote(at)
  for (const [i, part] of parts.entries()) job.got(Buffer.from(part), 100 * (i + 1))
  job.ended()
  return { problem: await job.over, askUs: job.askUs, chunkUs: job.chunkUs }
}

describe('a watched job', () => {
  const all = OPENING + chunk(0) + chunk(1) + CLOSING

  it('times each event by its place, wherever the bytes are cut', async () => {
    expect(await jobOf([all])).toEqual({ problem: undefined, askUs: 4, chunkUs: [90, 80, 70] })
    for (let cut = 1; cut < all.length; cut++) {
      const { problem, chunkUs } = await jobOf([all.slice(0, cut), all.slice(cut)])
      expect(problem).toBeUndefined()
      const late = [OPENING, OPENING + chunk(0), OPENING + chunk(0) + chunk(1)].map(
        (events, i) => (cut < events.length ? 200 : 100) - [10, 20, 30][i]!,
      )
      expect(chunkUs).toEqual(late)
    }
  })

  it.each([
    ['1 of 2 chunks', [OPENING + chunk(0) + CLOSING]],
    ['2 of 2 chunks', [OPENING + chunk(1) + chunk(0)]],
    ['2 of 3 events', [OPENING + chunk(0) + chunk(1).trimEnd()]],
  ])('finds %s', async (problem, parts) => expect((await jobOf(parts)).problem).toBe(problem))
})

const sample = (
  round: number,
  subject: string,
  value: number,
  more: Partial<AgentSample> = {},
): AgentSample => ({
  round,
  load: 'json-1',
  subject,
  failures: 0,
  reasons: [],
  figures: Object.fromEntries(Object.keys(MEASURES).map((name) => [name, value])) as Record<
    Measure,
    number
  >,
  ...more,
})

describe('agents beside the relay', () => {
  it('are compared round by round', () => {
    const samples = [
      ...[100, 200, 1000].map((value, round) => sample(round, 'relay', value)),
      ...[130, 260, 1100].map((value, round) => sample(round, 'agent', value)),
    ]
    const [, agent] = agentRows(samples, 'relay')
    expect(agent?.figures.chunkP99).toMatchObject({ value: 260, ratio: 1.3 })
  })

  const verdicts = (value: number, more: Partial<AgentSample> = {}) =>
    judgeAgent(
      agentRows([sample(0, 'relay', 100), sample(0, 'agent', value, more)], 'relay'),
      [],
    ).map(({ outcome }) => outcome)

  it('meet their goals at 1.3 times its figures, and with right answers only', () => {
    expect(new Set(verdicts(130))).toEqual(new Set(['met']))
    expect(new Set(verdicts(131))).toEqual(new Set(['NOT met']))
    expect(new Set(verdicts(100, { failures: 1 }))).toEqual(new Set(['NOT met']))
  })

  it('are not judged by queues', () => expect(verdicts(900, { load: 'full-8' })).toEqual([]))

  it('have an idle budget', () => {
    const rows = agentRows([sample(0, 'relay', 1), sample(0, 'agent', 1)], 'relay')
    const idle = { subject: 'agent', rssBytes: 120_000_001, cpuShare: 0.01 }
    const outcomes = judgeAgent(rows, [idle]).map(({ outcome }) => outcome)
    expect(outcomes.slice(-2)).toEqual(['NOT met', 'met'])
  })
})
