import pc from 'picocolors'
import type { AgentStatus, ModelStatus } from '../control/agent-status.ts'
import { columns, facts } from './columns.ts'
import { duration, grouped, sats } from './human-units.ts'

type State = AgentStatus['state']

const COLOURS: Readonly<Record<State, (text: string) => string>> = {
  starting: pc.yellow,
  connecting: pc.yellow,
  connected: pc.green,
  waiting: pc.yellow,
  draining: pc.yellow,
  stopped: pc.red,
  refused: pc.red,
}

const WORDS: Readonly<Record<State, string>> = {
  starting: 'starting',
  connecting: 'connecting',
  connected: 'connected',
  waiting: 'not connected, trying again',
  draining: 'draining: no new jobs',
  stopped: 'stopped',
  refused: 'refused by the edge',
}

/** The status of a running agent as a table. */
export function statusText(status: AgentStatus): string {
  const parts = [facts(rowsOf(status))]
  if (status.models.length > 0) parts.push(modelsText(status.models))
  if (status.troubles.length > 0) parts.push(troublesText(status))
  return parts.join('\n\n')
}

const rests = ({ resting }: AgentStatus): string =>
  resting ? pc.yellow(', resting: its memory is free') : ''
const inside = ({ sandbox }: AgentStatus): string => (sandbox === null ? '' : ` in ${sandbox}`)

function rowsOf(status: AgentStatus): string[][] {
  const { at, connected_since: since, jobs, tokens } = status
  const word = COLOURS[status.state](WORDS[status.state])
  const unit = status.service === null ? '' : `, ${status.service}`
  const lost = status.disconnects === 0 ? '' : `, lost ${times(status.disconnects)}`
  return [
    ['state', since === null ? word : `${word} since ${duration(at - since)}${lost}`],
    ...(status.paused === null ? [] : [['paused', pc.yellow(status.paused)]]),
    ['edge', status.edge],
    ['peer', status.peer],
    [
      'agent',
      `${status.version}, pid ${status.pid}${unit}, up ${duration(at - status.started_at)}, ${Math.round(status.rss_bytes / 2 ** 20)} MiB`,
    ],
    ['engine', `${status.engine ?? 'none yet'}${inside(status)}, ${status.role}${rests(status)}`],
    ['jobs', jobsText(status)],
    ...loadRows(status),
    ...(jobs.done + jobs.cancelled === 0 ? [] : speedRows(status)),
    ['tokens', `${grouped(tokens.prompt)} read, ${grouped(tokens.completion)} generated`],
    ['earned', `${sats(BigInt(status.earned_msat))} sat on receipts`],
    ['receipts', receiptsText(status.receipts)],
    ['payouts', payoutsText(status)],
    ...auditRows(status),
  ]
}

function jobsText({ jobs, slots }: AgentStatus): string {
  const refused = Object.entries(jobs.refused)
    .map(([reason, n]) => `${grouped(n)} ${reason}`)
    .join(', ')
  const parts = [
    `${jobs.running} of ${slots} running`,
    `${grouped(jobs.done)} done`,
    jobs.failed === 0 ? '0 failed' : pc.red(`${grouped(jobs.failed)} failed`),
    `${grouped(jobs.cancelled)} cancelled`,
    ...(jobs.lost === 0 ? [] : [pc.red(`${grouped(jobs.lost)} lost`)]),
    ...(refused === '' ? [] : [`refused: ${refused}`]),
  ]
  return parts.join(', ')
}

function loadRows({ load }: AgentStatus): string[][] {
  const parts = [
    ...(load.slots_by === 'agent' ? ['slots found out'] : []),
    ...(load.kv_use === null ? [] : [`${Math.round(load.kv_use * 100)} % of the cache in use`]),
    ...(load.waiting === 0 ? [] : [pc.yellow(`${grouped(load.waiting)} wait in the engine`)]),
  ]
  return parts.length === 0 ? [] : [['load', parts.join(', ')]]
}

function speedRows({ tokens_per_second: rate, ttft_ms: ttft }: AgentStatus): string[][] {
  const { answers, lately } = rate
  return [
    [
      'speed',
      `${answers === null ? '' : `${answers.p50} tok/s in half of the answers, `}${lately} tok/s over the last minute`,
    ],
    ...(ttft === null
      ? []
      : [['first token', `${ttft.p50} ms (p50), ${ttft.p90} ms (p90), ${ttft.p99} ms (p99)`]]),
  ]
}

function receiptsText(receipts: AgentStatus['receipts']): string {
  const parts = [`${receipts.batches_waiting} batches wait for the edge`]
  if (receipts.batches_dropped > 0) parts.push(pc.red(`${receipts.batches_dropped} lost`))
  if (receipts.unknown > 0) parts.push(pc.yellow(`${receipts.unknown} the edge does not know`))
  return parts.join(', ')
}

function payoutsText({ at, payouts }: AgentStatus): string {
  const to = payouts.to === null ? pc.yellow('nowhere yet') : `to ${payouts.to}, ${payouts.when}`
  const last = payouts.last_invoice
  const invoice =
    last === null
      ? ''
      : `, last invoice ${sats(BigInt(last.amount_msat))} sat ${duration(at - last.at)} ago`
  const node = payouts.node === null ? '' : `, node ${payouts.node}`
  return `${to}${node}${invoice}`
}

function auditRows({ audits, verifier }: AgentStatus): string[][] {
  const gone = audits.gone === 0 ? '' : pc.red(`, ${audits.gone} could not be shown`)
  const looked = verifier.scored + verifier.rendered + verifier.failed
  return [
    ['audits', `${audits.opened} answers shown${gone}`],
    ...(looked === 0
      ? []
      : [
          [
            'verified',
            `${verifier.scored} scored, ${verifier.rendered} rendered, ${verifier.failed} failed`,
          ],
        ]),
  ]
}

/** Models with what they have done, as a table. */
export function modelsText(models: readonly ModelStatus[]): string {
  const head = ['model', 'offered', 'done', 'failed', 'cancelled', 'read', 'generated', 'sat']
  const rows = models.map(({ id, offered, jobs, tokens, earned_msat }) => [
    id,
    offered ? pc.green('yes') : pc.yellow('no'),
    grouped(jobs.done),
    grouped(jobs.failed + jobs.lost),
    grouped(jobs.cancelled),
    grouped(tokens.prompt),
    grouped(tokens.completion),
    sats(BigInt(earned_msat)),
  ])
  return columns([head.map((name) => pc.dim(name)), ...rows], new Set([2, 3, 4, 5, 6, 7]))
}

function troublesText({ at, troubles }: AgentStatus): string {
  const lines = troubles.map((trouble) => {
    const often = trouble.times === 1 ? '' : ` (${times(trouble.times)})`
    return `${pc.yellow('!')} ${duration(at - trouble.at)} ago: ${trouble.message}${often}\n  ${pc.dim('→')} ${trouble.next_step}`
  })
  return [pc.dim('troubles'), ...lines].join('\n')
}

const times = (n: number): string => (n === 1 ? 'once' : `${grouped(n)} times`)
