import type { LeaseId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { AuditDesk, type AuditDeskOptions, type EndedAnswer } from '../audit/audit-desk.ts'
import type { Verifiers } from '../audit/verifiers.ts'
import type { Leg } from './job-record.ts'
import type { JobRun } from './job-run.ts'
import type { HubOptions } from './provider-hub.ts'

/** The audits of a hub; undefined where nothing is audited. */
export function auditDesk(
  { audit, audits, events, later, now }: HubOptions,
  verifiers: Verifiers,
  rim: Pick<AuditDeskOptions, 'ask' | 'onStanding'>,
): AuditDesk | undefined {
  if (audits === undefined) return undefined
  return new AuditDesk({
    keys: audit,
    store: audits,
    ...rim,
    verifiers,
    later,
    now,
    onJudged: (judged) => events.audited(judged),
    onError: (error) => events.storeFailed('audits', error),
  })
}

/**
 * A job's answer as it can be audited; undefined for one that no provider gave alone, and for one that has
 * no tokens to look at.
 */
export function endedAnswer(
  { order }: JobRun,
  { status, finishReason }: JobRecord,
  legs: readonly Leg[],
  seedOf: (lease: LeaseId) => number,
): EndedAnswer | undefined {
  const [leg, another] = legs
  if (leg === undefined || another !== undefined || status === 'failed') return undefined
  if (order.rules.endpoint === 'embeddings' || order.n !== 1) return undefined
  const { attempt } = leg
  const { endedAt, firstByteAt, lease, offeredAt, session } = attempt
  const offer = session.offerOf(order.model)
  if (offer === undefined || firstByteAt === undefined || endedAt === undefined) return undefined
  return {
    job: order.job,
    lease,
    provider: session.peer,
    offer,
    body: order.body,
    seed: seedOf(lease),
    finishReason: status === 'completed' ? (finishReason ?? undefined) : undefined,
    maxOutputTokens: order.maxOutputTokens,
    contentBytes: undefined,
    ttftMs: firstByteAt - offeredAt,
    totalMs: endedAt - offeredAt,
  }
}
