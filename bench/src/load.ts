/**
 * The load generator, one long-lived process so that its own start and warm-up favour nobody: every
 * line on stdin is a plan (`load-plan.ts`), every line on stdout its report, in order. Ends with stdin.
 */
import { createInterface } from 'node:readline'
import { runClosedLoop } from './closed-loop.ts'
import { runHangUps } from './hang-up.ts'
import { loadPlan } from './load-plan.ts'

for await (const line of createInterface({ input: process.stdin })) {
  const plan = loadPlan.parse(JSON.parse(line))
  const report = plan.kind === 'hang-up' ? await runHangUps(plan) : await runClosedLoop(plan)
  console.log(JSON.stringify(report))
}
