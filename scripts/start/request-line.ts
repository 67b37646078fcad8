import type { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]
/** Colours text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string

/**
 * One line for people of a log line of the edge that came at `now`, or undefined for what need not
 * be shown: other events, and all that happened before `since`, when we were the only client. Times
 * are ISO 8601.
 */
export function requestLine(
  line: string,
  since: string,
  now: string,
  paint: Paint,
): string | undefined {
  const log = parseLog(line)
  const render = log && RENDERERS[String(log['event'])]
  if (log === undefined || render === undefined) return undefined
  const time = String(log['time'] ?? now)
  return time < since ? undefined : `${paint('dim', time.slice(11, 19))} ${render(log, paint)}`
}

type Log = Readonly<Record<string, unknown>>

const RENDERERS: Readonly<Record<string, (log: Log, paint: Paint) => string>> = {
  job: (log, paint) =>
    [
      paint('bold', 'POST /v1/chat/completions'),
      paint(
        log['status'] === 'completed' ? 'green' : log['status'] === 'failed' ? 'red' : 'yellow',
        String(log['error'] ?? log['status']),
      ),
      String(log['model']),
      `${log['prompt_tokens']}+${log['completion_tokens']} tokens`,
      `${Number(log['cost_msat']) / 1000} sat`,
      paint('dim', `first byte ${log['first_byte_ms'] ?? '-'} ms, total ${log['total_ms']} ms`),
    ].join('  '),
  request: (log, paint) =>
    [
      paint('bold', `${log['method']} ${log['path']}`),
      paint(
        Number(log['status']) < 400 ? 'green' : 'red',
        [log['status'], log['error']].filter(Boolean).join(' '),
      ),
      paint('dim', `${log['ms']} ms`),
    ].join('  '),
  topup_credited: (log, paint) => paint('green', `${marked(log)}top-up of ${sat(log)} is credited`),
  payout_succeeded: (log, paint) =>
    [
      paint('green', `${marked(log)}${short(log['owner'])} was paid ${sat(log)}`),
      paint('dim', `preimage ${String(log['preimage'])}`),
    ].join('  '),
  payout_failed: (log, paint) =>
    paint('yellow', `${marked(log)}payout to ${short(log['owner'])}: ${String(log['failure'])}`),
  provider_joined: (log, paint) =>
    paint('cyan', `provider ${short(log['provider'])} joined with ${String(log['models'])}`),
  provider_left: (log, paint) => paint('yellow', `provider ${short(log['provider'])} left`),
  error: (log, paint) => paint('red', String(log['error'])),
  store_failed: (log, paint) =>
    paint('red', `database: ${log['operation']}: ${String(log['error']).split('\n')[0]}`),
}

/** No line about simulated money without saying so. */
const marked = (log: Log): string => (log['money'] === undefined ? '' : `${String(log['money'])} `)

const sat = (log: Log): string => `${Number(log['amount_msat']) / 1000} sat`

const short = (peer: unknown): string => `…${String(peer).slice(-8)}`

function parseLog(line: string): Log | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Log) : undefined
  } catch {
    return undefined
  }
}
