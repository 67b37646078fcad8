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

/**
 * For crash tests only: with `INFERNET_CRASH_AT=<step>:<n>` the process kills itself, as a power cut would,
 * the n-th time that it reaches that of {@link CRASH_STEPS}. Does nothing without the variable, and nothing
 * in production. Throws RangeError for what is not of that form.
 */
export function crashAt(
  { INFERNET_CRASH_AT: plan, INFERNET_ENV: environment }: Readonly<NodeJS.ProcessEnv>,
  kill: () => void = () => process.kill(process.pid, 'SIGKILL'),
): AtStep {
  if (plan === undefined || plan === '' || environment === 'production') return () => {}
  const [, fatal, count] = /^(.+):([1-9]\d*)$/.exec(plan) ?? []
  if (!CRASH_STEPS.some((step) => step === fatal))
    throw new RangeError(`INFERNET_CRASH_AT is <step>:<n>, not '${plan}'`)
  let left = Number(count)
  return (step) => {
    if (step === fatal && --left === 0) kill()
  }
}
