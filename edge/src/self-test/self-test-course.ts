import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { SelfTestFault, SelfTestStage } from '@infernet/schemas/self-test'
import type { Attempt } from '../hub/attempt.ts'
import { ENGINE_REFUSED } from '../hub/job-errors.ts'
import type { JobOrder } from '../ports.ts'
import type { SelfTestCourse } from './self-test-port.ts'

/** What is known of a self-test's job when it is over; times in ms since the epoch. */
export interface EndedTest {
  readonly order: Pick<JobOrder, 'job' | 'model'>
  readonly record: Pick<JobRecord, 'completionTokens' | 'errorCode' | 'promptTokens' | 'status'>
  readonly attempt: Pick<Attempt, 'endedAt' | 'endedBy' | 'firstByteAt' | 'offeredAt'> | undefined
  readonly begun: number
  readonly matchedAt: number
  /** Undefined where none was handed on; of a whole answer it is its end. */
  readonly firstTokenAt: number | undefined
  /** Undefined where no receipt was accepted. */
  readonly receiptAt: number | undefined
  /** It neither took nor refused the job. */
  readonly wasSilent: boolean
}

/** A stage's time, and that of the whole job. */
const LATE: ReadonlySet<string | null> = new Set([apiErrors.providerTimeout(0).code, 'deadline'])

/** The stages that a job has reached, and the first that it has not. */
export function courseOf(test: EndedTest): SelfTestCourse {
  const { attempt, begun, matchedAt, order, receiptAt, record } = test
  const isGood = record.status === 'completed'
  const isTaken = attempt?.endedBy !== 'busy' && !test.wasSilent
  const times: readonly (readonly [SelfTestStage, number | undefined])[] = [
    ['matched', matchedAt],
    ['dispatched', isTaken ? attempt?.offeredAt : undefined],
    ['first_token', isGood ? (test.firstTokenAt ?? attempt?.firstByteAt) : test.firstTokenAt],
    ['end', isGood ? attempt?.endedAt : undefined],
    ['receipt', isGood ? receiptAt : undefined],
  ]
  const missed = times.findIndex(([, at]) => at === undefined)
  const reached = missed === -1 ? times : times.slice(0, missed)
  const stage = times[missed]?.[0]
  return {
    model: order.model,
    job: order.job,
    promptTokens: record.promptTokens,
    completionTokens: record.completionTokens,
    stages: reached.map(([name, at = begun]) => ({ stage: name, ms: Math.max(0, at - begun) })),
    ...(stage === undefined ? {} : { failure: { stage, code: faultOf(test, stage) } }),
  }
}

function faultOf({ attempt, record, wasSilent }: EndedTest, stage: SelfTestStage): SelfTestFault {
  if (stage === 'receipt') return 'no_receipt'
  if (wasSilent) return 'silent'
  if (record.errorCode === ENGINE_REFUSED) return 'refused'
  if (LATE.has(record.errorCode)) return 'timeout'
  const endedBy = attempt?.endedBy
  return endedBy === 'busy' || endedBy === 'lost' ? endedBy : 'failed'
}
