import { errorMessage } from '../error-message.ts'
import { failed, skipped, type Check, type CheckResult, type Finding } from './check.ts'

/** A look-up, a connection and an answer over a slow line. */
const LIMIT_MS = 15_000

export interface RunChecksOptions {
  /** Gives up all that has not ended. */
  readonly signal: AbortSignal
  /** Ms, from any moment on. */
  readonly now: () => number
  /** Hears the names of the checks that have not ended, with what they wait for, whenever one has. */
  readonly onProgress?: (waiting: readonly string[]) => void
}

/** Runs all checks side by side, each within its time; resolves with the results in their order. */
export async function runChecks(
  checks: readonly Check[],
  options: RunChecksOptions,
): Promise<CheckResult[]> {
  const begun = new Map<string, Promise<CheckResult>>()
  const waiting = new Set(checks)
  const reported = async (check: Check, before: Promise<CheckResult> | undefined) => {
    const result = await runOne(check, before, options)
    waiting.delete(check)
    options.onProgress?.([...waiting].map(waitingText))
    return result
  }
  for (const check of checks) {
    const before = check.after === undefined ? undefined : begun.get(check.after)
    begun.set(check.id, reported(check, before))
  }
  return Promise.all(begun.values())
}

const waitingText = ({ name, waitsFor }: Check): string =>
  waitsFor === undefined ? name : `${name} (${waitsFor})`

async function runOne(
  check: Check,
  before: Promise<CheckResult> | undefined,
  { signal, now }: RunChecksOptions,
): Promise<CheckResult> {
  const { id, name } = check
  const needed = await before
  const start = now()
  const isHopeless = needed?.outcome === 'failed' || needed?.outcome === 'skipped'
  const finding = isHopeless
    ? skipped(needed.outcome === 'failed' ? `not tried: see ${needed.name}` : needed.said)
    : await withinTime(check, signal)
  return { id, name, ...finding, ms: Math.round(now() - start) }
}

async function withinTime(check: Check, signal: AbortSignal): Promise<Finding> {
  const { limitMs = LIMIT_MS } = check
  const late = AbortSignal.timeout(limitMs)
  const until = AbortSignal.any([signal, late])
  const { promise: given, resolve: giveUp } = Promise.withResolvers<Finding>()
  const stop = (): void => {
    const seconds = limitMs / 1000
    const fix = `try again; if it stays so, look at what ${check.name} depends on`
    giveUp(late.aborted ? failed(`no result in ${seconds} s`, fix) : skipped('stopped'))
  }
  if (until.aborted) return skipped('stopped')
  until.addEventListener('abort', stop)
  try {
    return await Promise.race([given, settled(check, until)])
  } finally {
    until.removeEventListener('abort', stop)
  }
}

async function settled(check: Check, signal: AbortSignal): Promise<Finding> {
  try {
    return await check.run(signal)
  } catch (error) {
    const reason = errorMessage(error)
    return failed(
      reason,
      'if this message does not say what to do, report it with: infernet-agent debug bundle',
    )
  }
}
