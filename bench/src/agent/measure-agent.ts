import { rotate } from '../rounds.ts'
import { agentRows, sampleOf, type AgentSample } from './agent-figures.ts'
import { AGENT_LOADS, type AgentLoad } from './agent-load.ts'
import type { AgentFindings } from './agent-report.ts'
import { measureIdle } from './idle.ts'
import { JobBook } from './job-book.ts'
import { agentKinds, RELAY, type Subject, type SubjectKind } from './subject.ts'
import { runWindow } from './window.ts'

/** How long to measure. */
export interface AgentBudget {
  readonly rounds: number
  /** One load on one agent. */
  readonly windowMs: number
  /** Unmeasured load of the same kind just before it. */
  readonly leadInMs: number
  /** Of each agent with each load that never pauses, before anything is measured. */
  readonly warmUpMs: number
  /** Agents are left alone so long, and then measured so long. */
  readonly settleMs: number
  readonly idleMs: number
}

/** A quarter of an hour. */
export const FULL_AGENT: AgentBudget = {
  rounds: 9,
  windowMs: 800,
  leadInMs: 150,
  warmUpMs: 4_000,
  settleMs: 60_000,
  idleMs: 60_000,
}

/** Two minutes. */
export const QUICK_AGENT: AgentBudget = {
  rounds: 2,
  windowMs: 300,
  leadInMs: 100,
  warmUpMs: 1_500,
  settleMs: 3_000,
  idleMs: 5_000,
}

interface Running {
  readonly kind: SubjectKind
  readonly subject: Subject
}

/** Measures what agents add to a job, each between an edge's end and an engine's end in this process. */
export async function measureAgent(
  budget: AgentBudget,
  onStep: (text: string) => void,
): Promise<AgentFindings & { readonly samples: readonly AgentSample[] }> {
  await using cleanup = new AsyncDisposableStack()
  const book = new JobBook()
  const running: Running[] = []
  for (const kind of [RELAY, ...agentKinds()]) {
    onStep(`starting ${kind.name}`)
    running.push({ kind, subject: cleanup.use(await kind.start(book)) })
  }
  onStep('agents with nothing to do')
  const pids = Object.fromEntries(
    running.map(({ kind, subject }) => [kind.name, subject.child.pid]),
  )
  const idle = await measureIdle(pids, budget)

  for (const { kind, subject } of running) {
    onStep(`warming ${kind.name}`)
    for (const load of AGENT_LOADS.filter((one) => one.gapMs === 0 && takes(kind, one))) {
      await runWindow(subject, book, load, budget.warmUpMs)
    }
  }
  const samples: AgentSample[] = []
  for (let round = 0; round < budget.rounds; round++) {
    for (const load of AGENT_LOADS) {
      onStep(`agents, round ${round + 1} of ${budget.rounds}: ${load.name}`)
      const takers = running.filter(({ kind }) => takes(kind, load))
      for (const { kind, subject } of rotate(takers, round)) {
        await runWindow(subject, book, load, budget.leadInMs)
        const window = await runWindow(subject, book, load, budget.windowMs)
        samples.push(sampleOf(round, load, kind.name, window))
      }
    }
  }
  return { rows: agentRows(samples, RELAY.name), idle, samples }
}

const takes = ({ shown }: SubjectKind, load: AgentLoad): boolean =>
  shown === undefined || shown === load.shown
