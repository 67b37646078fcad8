import type { Verdict } from '../goals.ts'
import type { AgentRow, Measure } from './agent-figures.ts'
import { AGENT_LOADS } from './agent-load.ts'
import type { Idle } from './idle.ts'

/** What an agent may take, as a multiple of the bare relay's. */
const TIMES = 1.3
const MAX_IDLE_RSS_BYTES = 120_000_000
const MAX_IDLE_CPU = 0.01

/** Engines pause as GPUs do, and the agent keeps no claims: nothing but what it adds is measured. */
const JUDGED = new Set(
  AGENT_LOADS.filter(({ gapMs, shown }) => gapMs > 0 && !shown).map(({ name }) => name),
)

const GOALS: readonly { readonly measure: Measure; readonly text: string }[] = [
  { measure: 'askP50', text: 'frame in to engine request out, p50' },
  { measure: 'askP99', text: 'frame in to engine request out, p99' },
  { measure: 'chunkP50', text: 'engine chunk in to frame out, p50' },
  { measure: 'chunkP99', text: 'engine chunk in to frame out, p99' },
]

/** Whether agents are about as fast as the bare relay's: the worst load counts. */
export function judgeAgent(rows: readonly AgentRow[], idle: readonly Idle[]): Verdict[] {
  const judged = rows.filter(({ load }) => JUDGED.has(load))
  const targets = new Set(judged.map(({ subject }) => subject).filter((name) => name !== 'relay'))
  const latency = [...targets].flatMap((target) => {
    const own = judged.filter(({ subject }) => subject === target)
    const isWrong = own.some(({ failures }) => failures > 0)
    return GOALS.map(({ measure, text }): Verdict => {
      const ratios = own.flatMap(({ figures }) => figures[measure].ratio ?? [])
      const ratio = ratios.length === 0 ? undefined : Math.max(...ratios)
      return {
        target,
        text: `${text}, at most ${TIMES} x relay`,
        ratio,
        outcome: outcomeOf(ratio, TIMES, isWrong),
      }
    })
  })
  return [...latency, ...idle.filter(({ subject }) => targets.has(subject)).flatMap(judgeIdle)]
}

function judgeIdle({ subject: target, rssBytes, cpuShare }: Idle): Verdict[] {
  const [memory, cpu] = [rssBytes / MAX_IDLE_RSS_BYTES, cpuShare / MAX_IDLE_CPU]
  return [
    { target, text: 'idle: RSS at most 120 MB', ratio: memory, outcome: outcomeOf(memory, 1) },
    { target, text: 'idle: below 1 % of a processor', ratio: cpu, outcome: outcomeOf(cpu, 1) },
  ]
}

function outcomeOf(ratio: number | undefined, limit: number, isWrong = false): Verdict['outcome'] {
  if (isWrong) return 'NOT met'
  if (ratio === undefined) return 'not measured'
  return ratio <= limit ? 'met' : 'NOT met'
}
