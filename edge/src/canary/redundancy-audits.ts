import type { AuditVerdict } from '@infernet/schemas/audit-report'
import type { JobId, LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { epochOfJob } from '@infernet/verification/audit/audit-epoch'
import {
  cosineDistance,
  type Embeddings,
} from '@infernet/verification/comparison/embedding-comparator'
import type { QuorumDecision } from '@infernet/verification/comparison/quorum'
import type { Audit } from '../audit/audit-port.ts'

/** One provider's answer to what several were asked. */
export interface ComparedAnswer {
  readonly job: JobId
  readonly lease: LeaseId
  readonly provider: PeerId
  /** The share of such answers that are compared, 0 to 1. */
  readonly rate: number
  readonly vectors: Embeddings
}

/**
 * Worth less than what an answer's own numbers show: an honest machine may be one in a hundred times farther from two
 * others than nobody has measured yet, and those two may be one operator's.
 */
const OUTVOTED_LOG_E = Math.log(100)

/**
 * What a comparison says of everybody who took part; nothing where nobody could be compared. Whoever two others agree
 * against has failed; where nobody decides, nothing is known of anybody.
 */
export function redundancyAudits(comparison: {
  readonly answers: readonly ComparedAnswer[]
  readonly decision: QuorumDecision
  readonly model: string
  readonly spec: string
  /** ms since the epoch. */
  readonly now: number
}): readonly Audit[] {
  const { answers, decision, model, spec, now } = comparison
  if (answers.length < 2) return []
  return answers.map((answer): Audit => {
    const { job, lease, provider, rate } = answer
    const verdict = verdictFor(answer, decision)
    return {
      job,
      lease,
      provider,
      model,
      spec,
      epoch: epochOfJob(job),
      source: 'redundancy',
      rate,
      verdict,
      logE: verdict === 'fail' ? OUTVOTED_LOG_E : 0,
      report: {
        reason: verdict === 'inconclusive' ? 'providers disagree, and no third decides' : null,
        findings: findingsOf(answer, answers, verdict),
        replay: null,
        rescored: null,
      },
      judgedAt: now,
    }
  })
}

function verdictFor({ lease }: ComparedAnswer, decision: QuorumDecision): AuditVerdict {
  if (decision.state !== 'canonical') return 'inconclusive'
  if (decision.matched.includes(lease)) return 'pass'
  return decision.lost.includes(lease) ? 'fail' : 'inconclusive'
}

const findingsOf = (
  answer: ComparedAnswer,
  answers: readonly ComparedAnswer[],
  verdict: AuditVerdict,
): Audit['report']['findings'] =>
  answers
    .filter((other) => other !== answer)
    .map(({ provider, vectors }) => ({
      check: 'redundancy',
      severity: verdict === 'fail' ? 'fail' : 'note',
      detail: distanceText(cosineDistance(answer.vectors, vectors), provider),
    }))

const distanceText = (distance: number | undefined, other: PeerId): string =>
  distance === undefined || Number.isNaN(distance)
    ? `no vectors that could be compared with those of ${other}`
    : `cosine distance ${distance.toExponential(1)} from ${other}`
