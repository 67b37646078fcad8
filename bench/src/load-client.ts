import { join } from 'node:path'
import type { z } from 'zod'
import { type Child, firstLine, startChild } from './child-process.ts'
import {
  type ClosedLoopPlan,
  type ClosedLoopReport,
  closedLoopReport,
  type HangUpPlan,
  type HangUpReport,
  hangUpReport,
  type LoadPlan,
} from './load-plan.ts'
import { lineParser } from './ready-line.ts'

/** What a plan may take beyond its own duration: answers in flight, and engines that never notice. */
const SLACK_MS = 60_000

/** The load generator's process; one plan at a time. */
export interface LoadGenerator {
  closedLoop(plan: ClosedLoopPlan): Promise<ClosedLoopReport>
  hangUps(plan: HangUpPlan): Promise<HangUpReport>
  stop(): Promise<void>
}

/** Starts the load generator. */
export function startLoadGenerator(): LoadGenerator {
  const child = startChild({ name: 'load', args: [join(import.meta.dirname, 'load.ts')] })
  return {
    closedLoop: (plan) => send(child, plan, closedLoopReport, plan.durationMs + SLACK_MS),
    hangUps: (plan) => send(child, plan, hangUpReport, SLACK_MS),
    stop: () => child.stop(),
  }
}

function send<T>(child: Child, plan: LoadPlan, schema: z.ZodType<T>, limitMs: number): Promise<T> {
  const report = firstLine(child, lineParser(schema), limitMs)
  child.write(JSON.stringify(plan))
  return report
}
