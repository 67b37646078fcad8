/** Called at each named step of the money's way. */
export type AtStep = (step: string) => void

/**
 * For crash tests only: with `INFERNET_CRASH_AT=<step>:<n>` the process kills itself, as a power cut would,
 * the n-th time that it reaches the step. Steps are those of the payout engine (`PAYOUT_STEPS`) and the
 * loops' own, such as `order:issuing`, `credit:before` and `release:after`. Does nothing without the
 * variable, and nothing in production. Throws RangeError for what is not of that form.
 */
export function crashAt(
  { INFERNET_CRASH_AT: plan, INFERNET_ENV: environment }: Readonly<NodeJS.ProcessEnv>,
  kill: () => void = () => process.kill(process.pid, 'SIGKILL'),
): AtStep {
  if (plan === undefined || plan === '' || environment === 'production') return () => {}
  const [, fatal, count] = /^(.+):([1-9]\d*)$/.exec(plan) ?? []
  if (fatal === undefined) throw new RangeError(`INFERNET_CRASH_AT is <step>:<n>, not '${plan}'`)
  let left = Number(count)
  return (step) => {
    if (step === fatal && --left === 0) kill()
  }
}
