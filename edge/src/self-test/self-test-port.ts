import type { PeerId } from '@infernet/schemas/peer-id'
import type { SelfTestFault, SelfTestJson, SelfTestStage } from '@infernet/schemas/self-test'

/** What came of a provider's request for a job to try: plain data, because it crosses an RPC. */
export type SelfTestOutcome =
  | SelfTestJson
  | { readonly object: 'too_soon'; readonly waitMs: number }

const MESSAGES: Readonly<Record<SelfTestFault, string>> = {
  offline: 'it is not connected to this edge',
  unreachable: 'the part of the edge that it is connected to does not answer',
  verifier: 'it is here as a verifier, and those get no jobs',
  draining: 'it drains, and takes no new jobs',
  no_model: 'it offers no model now',
  not_offered:
    'its offers do not count now: it is suspended, or rests beside another agent of its GPU',
  full: 'all its slots are at work',
  busy: 'it says that it can take no job now',
  silent: 'it neither took nor refused the job',
  lost: 'its connection ended',
  refused: 'its engine refused the request',
  failed: 'its engine gave no good answer',
  timeout: 'it took too long',
  no_receipt: 'no receipt came that could be accepted',
}

/** What a self-test has reached, and what not. */
export interface SelfTestCourse {
  readonly model?: string
  readonly job?: string
  readonly promptTokens?: number
  readonly completionTokens?: number
  readonly stages?: SelfTestJson['stages']
  readonly failure?: { readonly stage: SelfTestStage; readonly code: SelfTestFault }
}

/** The report of a self-test, as its provider is told it. */
export const selfTestJson = (
  provider: PeerId,
  { model, job, promptTokens, completionTokens, stages, failure }: SelfTestCourse,
): SelfTestJson => ({
  object: 'provider_self_test',
  provider,
  passed: failure === undefined,
  model: model ?? null,
  job: job ?? null,
  prompt_tokens: promptTokens ?? 0,
  completion_tokens: completionTokens ?? 0,
  stages: stages ?? [],
  failure: failure === undefined ? null : { ...failure, message: MESSAGES[failure.code] },
})

/** The report where it was given no job. */
export const unmatched = (provider: PeerId, code: SelfTestFault): SelfTestJson =>
  selfTestJson(provider, { failure: { stage: 'matched', code } })
