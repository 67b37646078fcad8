import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { PAYOUT_STEPS } from '../payout/payout-hooks.ts'

/** Where a process can be interrupted, beside the steps of the payout engine. */
const LOOP_STEPS = [
  'order:issuing',
  'order:issued',
  'credit:before',
  'credit:after',
  'transfer:asking',
  'transfer:asked',
  'release:before',
  'release:after',
  'withdrawal:starting',
  'payout:starting',
  'escrow:opening',
  'escrow:opened',
  'escrow:deciding',
  'escrow:decided',
  'job:asking',
  'job:asked',
] as const

/** All of them: a test kills the settler at each. */
export const CRASH_STEPS = [...PAYOUT_STEPS, ...LOOP_STEPS] as const
export type CrashStep = (typeof CRASH_STEPS)[number]

/** Called at each named step of the money's way. */
export type AtStep = (step: CrashStep) => void

const planSchema = z.object({
  /** Names the plan. */
  id: z.int().nonnegative(),
  step: z.string(),
  pids: z.array(z.int().positive()).max(8),
  signal: z.enum(['SIGKILL', 'SIGSTOP']).default('SIGKILL'),
})
type CrashSignal = z.infer<typeof planSchema>['signal']

/**
 * For crash tests only: `INFERNET_CRASH_FILE` names a file that may say `{"id": …, "step": …, "pids": […]}` at any
 * time. The first time that a process comes to that step (of {@link CRASH_STEPS}, or of the edge's) it takes the plan
 * and kills those processes, itself or others, as a power cut would; with `"signal": "SIGSTOP"` it freezes them, as a
 * machine that is paused would. Undefined without the variable, and in production.
 */
export function crashAt(
  { INFERNET_CRASH_FILE: path, INFERNET_ENV: environment }: Readonly<NodeJS.ProcessEnv>,
  kill: (pid: number, signal: CrashSignal) => void = killNow,
): ((step: string) => void) | undefined {
  if (path === undefined || path === '' || environment === 'production') return undefined
  return (step) => {
    const plan = readPlan(path)
    if (plan?.step !== step) return
    if (!takePlan(path, plan.id)) return
    for (const pid of plan.pids) kill(pid, plan.signal)
  }
}

/**
 * A plan is whose who makes the file of its name: settler or edge, to carry it out, or the test, to call it off. True
 * for the first of them; who only removed the plan's own file could remove the next plan with it.
 */
export function takePlan(path: string, id: number): boolean {
  try {
    writeFileSync(`${path}.${id}`, '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

function readPlan(path: string): z.infer<typeof planSchema> | undefined {
  try {
    return planSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}

function killNow(pid: number, signal: CrashSignal): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}
