import { z } from 'zod'
import { MAX_MODEL_NAME_LENGTH } from './limits.ts'

/**
 * What a provider signs to have its edge give it one job to try: the host name that it dials, without a port, so
 * that no edge can show the request to another one.
 */
export const selfTestRequest = (host: string): string => `self test at ${host.toLowerCase()}`

/** The stages of a job, in their order. */
export const SELF_TEST_STAGES = ['matched', 'dispatched', 'first_token', 'end', 'receipt'] as const
export type SelfTestStage = (typeof SELF_TEST_STAGES)[number]

/** Why a stage was not reached. */
export const SELF_TEST_FAULTS = [
  /** It is not connected. */
  'offline',
  /** The part of the edge that it is connected to does not answer. */
  'unreachable',
  /** It came as a verifier, which gets no jobs. */
  'verifier',
  'draining',
  'no_model',
  /** What it offers does not count now. */
  'not_offered',
  /** All its slots are taken. */
  'full',
  /** It said itself that it takes nothing now. */
  'busy',
  /** It neither took nor refused the job. */
  'silent',
  /** Its connection ended. */
  'lost',
  /** Its engine refused the request. */
  'refused',
  'failed',
  'timeout',
  'no_receipt',
] as const
export type SelfTestFault = (typeof SELF_TEST_FAULTS)[number]

const count = z.int().nonnegative()

/** `POST /v1/providers/{peer id}/self-test`. */
export const selfTestSchema = z.object({
  object: z.literal('provider_self_test'),
  provider: z.string().max(128),
  passed: z.boolean(),
  /** Null where it was given no job. */
  model: z.string().max(MAX_MODEL_NAME_LENGTH).nullable(),
  job: z.string().max(64).nullable(),
  prompt_tokens: count,
  completion_tokens: count,
  /** Those that were reached, with the ms from the beginning. */
  stages: z
    .array(z.object({ stage: z.enum(SELF_TEST_STAGES), ms: count }))
    .max(SELF_TEST_STAGES.length),
  /** The stage that was not reached; null where all were. */
  failure: z
    .object({
      stage: z.enum(SELF_TEST_STAGES),
      code: z.enum(SELF_TEST_FAULTS),
      message: z.string().max(500),
    })
    .nullable(),
})
export type SelfTestJson = z.infer<typeof selfTestSchema>
