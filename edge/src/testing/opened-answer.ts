import { specIdOf } from '@infernet/schemas/model-spec'
import type { Position } from '@infernet/schemas/transcript'
import {
  claimOf,
  DRAWN_SPEC,
  drawnAnswer,
  scoredBy,
} from '@infernet/verification/testing/drawn-answer'
import { RECEIPT_INTERVAL_MS } from '../limits.ts'
import { completion } from './answers.ts'
import type { FakeJob, FakeProvider } from './fake-provider.ts'
import type { TestEdge } from './test-edge.ts'

const TOKENS = 60
/** More bytes than tokens. */
const TEXT = 'The edge gives the job to a provider, and a verifier has a look at it.'
const usage = { prompt_tokens: 5, completion_tokens: TOKENS }

/** Of one that draws unlike the true model; not every one does, of so few tokens. */
const SEED = 5
const SAMPLER = { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05 }

export interface OpenedAnswer {
  readonly job: FakeJob
  /** The answer's tokens as the true model sees them. */
  readonly truth: readonly Position[]
}

/**
 * An answer of 60 tokens to a client that sends `fields`, signed and opened by a provider of `DRAWN_SPEC` as `tiny`
 * whose engine is off by `bias`.
 */
export async function openedAnswer(
  edge: TestEdge,
  provider: FakeProvider,
  { bias = 0, fields = {} }: { bias?: number; fields?: Record<string, unknown> } = {},
): Promise<OpenedAnswer> {
  const asked = { temperature: 0.8, max_completion_tokens: TOKENS, seed: SEED, ...fields }
  const answer = edge.chat(asked)
  const job = await provider.jobs.next()
  const sampler = { ...SAMPLER, seed: String(SEED) }
  const transcript = drawnAnswer(sampler, TOKENS, bias)
  const body = completion(TEXT, 5, TOKENS).replace('"stop"', '"length"')
  job.begin().data(body).end({ usage, finish_reason: 'length' })
  await answer
  edge.clock.advance(RECEIPT_INTERVAL_MS)
  const claim = claimOf(transcript, sampler, specIdOf(DRAWN_SPEC))
  provider.sendReceipts([job.statement({ usage, claim })])
  await provider.acks.next()
  provider.open(job.header.lease, transcript)
  await new Promise(setImmediate)
  return { job, truth: scoredBy(drawnAnswer(sampler, TOKENS), transcript) }
}

/** Scores of the same tokens by which nobody could have drawn them. */
export const garbled = (truth: readonly Position[]): Position[] =>
  truth.map((position, i) => ({ ...position, top: truth[(i * 7) % truth.length]?.top ?? [] }))
