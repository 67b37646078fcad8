import type { AuditVerdict } from '@infernet/schemas/audit-report'
import type { LeaseId } from '@infernet/schemas/ids'
import { CONDUCT_TIMES } from '@infernet/verification/reputation/conduct'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { EndedAnswer, SelectedAnswer } from '../audit/audit-case.ts'
import { AuditDesk, type AuditDeskOptions } from '../audit/audit-desk.ts'
import type { Audit } from '../audit/audit-port.ts'
import type { Verifiers } from '../audit/verifiers.ts'
import type { HubOptions } from './hub-options.ts'
import type { Leg } from './job-record.ts'
import type { JobRun } from './job-run.ts'
import { isOpenOrder } from './open-order.ts'

/** The audits of a hub; undefined where nothing is audited. */
export function auditDesk(
  { audit, audits, conductTimes = CONDUCT_TIMES, events, later, now }: HubOptions,
  verifiers: Verifiers,
  rim: Pick<AuditDeskOptions, 'areReceiptsKept' | 'ask' | 'onStanding'>,
): AuditDesk | undefined {
  if (audits === undefined) return undefined
  return new AuditDesk({
    keys: audit,
    store: audits,
    ...rim,
    verifiers,
    events,
    later,
    now,
    times: conductTimes,
    onJudged: (judged) => events.audited(judged),
    onError: (error) => events.storeFailed('audits', error),
  })
}

/**
 * What each provider gave of a job's answer, as it can be audited; nothing where there are no tokens to look at.
 */
export function endedAnswers(
  run: JobRun,
  { status, finishReason }: JobRecord,
  legs: readonly Leg[],
  seedOf: (lease: LeaseId) => number,
): EndedAnswer[] {
  const { order } = run
  if (order.rules.endpoint === 'embeddings' || order.n !== 1) return []
  return legs.flatMap(({ attempt }, n): EndedAnswer[] => {
    const { endedAt, firstByteAt, lease, offeredAt, session, task } = attempt
    const offer = session.offerOf(order.model)
    if (offer === undefined || firstByteAt === undefined || endedAt === undefined) return []
    const isWhole = status === 'completed' && n === legs.length - 1
    return [
      {
        job: order.job,
        lease,
        provider: session.peer,
        connection: session,
        endpoint: order.rules.endpoint,
        offer,
        verification: order.verification,
        isOpen: isOpenOrder(order),
        body: task.body,
        continues: task.continues,
        seed: seedOf(lease),
        finishReason: isWhole ? (finishReason ?? undefined) : undefined,
        maxOutputTokens: task.maxOutputTokens,
        contentBytes: run.deliveredBytes(n),
        deliveredText: () => run.deliveredText(n),
        ttftMs: firstByteAt - offeredAt,
        totalMs: endedAt - offeredAt,
        roundTripMs: session.roundTripMs,
        hardware: session.capability.hardware,
      },
    ]
  })
}

/** Gravest first: what an answer of several parts is said to be. */
const GRAVEST: readonly AuditVerdict[] = ['fail', 'unopened', 'inconclusive', 'pass']
const gravity = ({ verdict }: Audit): number => GRAVEST.indexOf(verdict)

/** The parts of one answer that were selected as one; undefined when none was. */
export function selectedAsOne(parts: readonly SelectedAnswer[]): SelectedAnswer | undefined {
  const [first, ...others] = parts
  if (first === undefined || others.length === 0) return first
  const all = Promise.all(parts.map(({ verdict }) => verdict))
  return {
    verdict: all.then((audits) => audits.reduce((a, b) => (gravity(b) < gravity(a) ? b : a))),
  }
}
