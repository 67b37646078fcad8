import pc from 'picocolors'
import { formatSat, msat } from '@infernet/schemas/money'
import type { AgentEvent, JobFacts } from '../events.ts'
import type { Terminal } from './terminal.ts'

/** An event of an agent of another version, which this one has no words for. */
export class UnknownEventError extends Error {
  override readonly name = 'UnknownEventError'
  readonly code = 'unknown_event'

  constructor(event: never) {
    super(`this version does not know what this means: ${JSON.stringify(event)}`)
  }
}

/** One JSON object per line: the time, then the event as it is. */
export const jsonLine = (event: AgentEvent, at: number): string =>
  `${JSON.stringify({ at: new Date(at).toISOString(), ...event })}\n`

/** Events that a quiet log leaves out: those that come with every job or score. */
const OF_EVERY_JOB: ReadonlySet<AgentEvent['event']> = new Set([
  'job_done',
  'job_cancelled',
  'job_busy',
  'scored',
  'rendered',
])

export const isOfEveryJob = ({ event }: AgentEvent): boolean => OF_EVERY_JOB.has(event)

/** Shows an event to a person. */
export function showEvent(to: Terminal, event: AgentEvent, at: number): void {
  const waiting = waitingFor(event)
  if (waiting !== undefined) return to.spin(waiting)
  to.spin(undefined)
  to.line(lineOfEvent(event, at))
  if (event.event === 'disconnected') to.spin(`trying again in ${seconds(event.retry_ms)} s`)
  if (event.event === 'engine_program') to.spin(`starting ${event.engine}`)
}

/** An event as a person reads it, with its time of day. Throws {@link UnknownEventError}. */
export const lineOfEvent = (event: AgentEvent, at: number): string =>
  `${pc.dim(new Date(at).toTimeString().slice(0, 8))} ${lineOf(event)}`

function waitingFor(event: AgentEvent): string | undefined {
  if (event.event === 'connecting') return `connecting to ${event.edge}`
  if (event.event === 'engine_starting') return `starting ${event.engine}`
  return undefined
}

function lineOf(event: AgentEvent): string {
  switch (event.event) {
    case 'engine_starting':
    case 'connecting':
      return waitingFor(event) ?? ''
    case 'settings':
      return `${event.options.join(', ')} as ${event.path} says`
    case 'key_created':
      return `${pc.green('new key')} ${event.peer}\n         ${pc.dim(`kept at ${event.path}: back it up, it is your name and your earnings`)}`
    case 'key_exposed':
      return warn(`others can read the key ${event.path}; close it with: chmod 600 ${event.path}`)
    case 'edge_unencrypted':
      return warn(`${event.edge} is not encrypted: others on the way can read every prompt`)
    case 'models':
      return event.models.length === 0
        ? warn(`${event.engine} serves no model now`)
        : [`${event.engine} serves ${pc.bold(event.models.join(', '))}`, ...offerLines(event)].join(
            '\n         ',
          )
    case 'engine_trouble':
    case 'hardware_trouble':
      return warn(event.message)
    case 'engine_program':
      return `${event.engine} ${event.version} ${pc.dim(event.path)}`
    case 'engine_sandbox':
      return sandboxLines(event)
    case 'engine_up':
      return `${pc.green('up')} ${event.engine} with ${event.model}, after ${seconds(event.ms)} s`
    case 'engine_down':
      return downLines(event)
    case 'payout':
      return `earnings go to ${pc.bold(event.to)}, ${event.when}`
    case 'payout_unset':
      return warn(
        'your earnings wait at the edge: say where they go with --payout user@domain (or keysend:PUBKEY, or lnd)',
      )
    case 'payout_node':
      return `your node ${event.alias || event.pubkey} is there (${event.network}${event.simulated ? ', SIMULATED: no real money' : ''})`
    case 'payout_trouble':
      return warn(`your Lightning node does not answer as it should: ${event.message}`)
    case 'invoice_issued':
      return `gave the edge an invoice of ${sat(Number(event.amount_msat))} sat ${pc.dim(`(${event.payout})`)}`
    case 'invoice_refused':
      return warn(`gave the edge no invoice for ${event.payout}: ${event.message}`)
    case 'connected':
      return `${pc.green('connected')} to ${event.edge} as ${event.peer}`
    case 'disconnected':
      return warn(`${event.reason}; ${event.next_step}`)
    case 'gave_up':
      return `${pc.red('stopped')} ${event.reason}\n         ${event.next_step}`
    case 'job_done':
      return `${pc.green('done')} ${jobLine(event)}`
    case 'job_cancelled':
      return `${pc.yellow('cancelled')} ${jobLine(event)}`
    case 'job_lost':
      return `${pc.red('lost')} ${jobLine(event)}`
    case 'job_failed':
      return `${pc.red('failed')} ${event.model}: ${event.message} ${pc.dim(`(${event.fault} ${event.code})`)}`
    case 'paused':
      return `${pc.yellow('paused')} no new jobs: ${event.message}`
    case 'resumed':
      return `${pc.green('resumed')} jobs may come in again`
    case 'resting':
      return `${pc.yellow('resting')} ${event.engine} has ended, so that its memory is free; it comes back when jobs may come in again (--keep-loaded keeps it)`
    case 'waking':
      return `${pc.green('waking')} ${event.engine} is started again`
    case 'job_busy':
      return pc.dim(`refused a job for ${event.model}: ${event.reason}`)
    case 'receipt_unknown':
      return warn(`the edge does not know lease ${event.lease}; its receipt is void`)
    case 'receipts_unstored':
      return warn(`receipts cannot be stored, and are kept in memory alone: ${event.reason}`)
    case 'receipts_dropped':
      return `${pc.red('receipts lost')} ${event.reason} (batches: ${event.batches})`
    case 'transcript_opened':
      return event.found
        ? pc.dim(`audited: ${event.lease}`)
        : warn(`audited: the transcript of ${event.lease} is gone, which counts against us`)
    case 'scored': {
      const rate = Math.round((event.tokens / Math.max(1, event.ms)) * 1000)
      return `${pc.green('scored')} ${event.model} ${event.tokens} tokens in ${event.ms} ms, ${rate} tok/s`
    }
    case 'rendered':
      return `${pc.green('rendered')} ${event.model} ${event.tokens} tokens in ${event.ms} ms`
    case 'render_failed':
      return warn(`could not render a request to ${event.model}: ${event.message}`)
    case 'score_failed':
      return warn(`could not score an answer of ${event.model}: ${event.message}`)
    case 'control_trouble':
      return warn(`status, logs and drain cannot reach this agent: ${event.message}`)
    case 'edge_drains':
      return `the edge says: ${event.reason}; finishing ${event.running} jobs, then reconnecting`
    case 'draining':
      return `finishing ${event.running} jobs (at most ${event.grace_ms / 1000} s; again to stop at once)`
    case 'stopped':
      return `stopped after ${event.jobs} jobs; ${sat(event.earned_msat)} sat on receipts`
    default:
      throw new UnknownEventError(event)
  }
}

/** What the engine runs in, and what that does not hold. */
function sandboxLines({ driver, gaps, passed }: AgentEvent & { event: 'engine_sandbox' }): string {
  const none = driver === 'none'
  const first = none
    ? warn('the engine runs without a sandbox: infernet-agent doctor says what is missing')
    : `${pc.green('sandbox')} ${driver}: no network, files read-only, no rights`
  const lines = none ? passed : gaps.map((gap) => pc.yellow(gap))
  return [first, ...lines].join('\n         ')
}

/** What is offered, so that the owner sees what the flags and the engine came to. */
function offerLines(event: AgentEvent & { event: 'models' }): string[] {
  const lines = event.offers.map(({ id, endpoints, capabilities, quantization }) =>
    pc.dim(
      [
        `${id}${quantization === undefined ? '' : ` (${quantization})`}:`,
        endpoints.join(', '),
        capabilities.length === 0 ? '' : `with ${capabilities.join(', ')}`,
      ]
        .filter((part) => part !== '')
        .join(' '),
    ),
  )
  const kept = event.data_collection === 'allow'
  return [...lines, pc.dim(kept ? 'prompts may be kept here' : 'prompts are not kept')]
}

/** Why a server is gone, and what it said last. */
function downLines(event: AgentEvent & { event: 'engine_down' }): string {
  const { engine, model, reason, hint, lines, retry_ms } = event
  const what = `${engine} with ${model} ${reason}${hint === undefined ? '' : `; ${hint}`}`
  const said = lines.map((line) => pc.dim(`| ${line}`))
  const next = `starting it again in ${seconds(retry_ms)} s`
  return [warn(what), ...said, next].join('\n         ')
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1)

const warn = (text: string): string => `${pc.yellow('!')} ${text}`

function jobLine(job: JobFacts): string {
  const rate = Math.round((job.completion_tokens / Math.max(1, job.duration_ms)) * 1000)
  const about = job.estimated ? '~' : ''
  const tokens = `${about}${job.prompt_tokens}+${about}${job.completion_tokens} tokens`
  return `${job.model} ${tokens} in ${job.duration_ms} ms, ${rate} tok/s, ${pc.bold(`${job.earned_msat} msat`)}`
}

const sat = (amount: number): string => formatSat(msat(amount))
