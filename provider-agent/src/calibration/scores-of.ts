import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import {
  decodeTranscript,
  encodeTranscript,
  type Claim,
  type Position,
  type Transcript,
} from '@infernet/schemas/transcript'
import type { Scores } from '@infernet/verification/evidence/calibration'
import { rescored } from '@infernet/verification/evidence/rescored'

/** An answer as it is opened in an audit. */
export interface Opened extends Pick<Claim, 'replay' | 'sampler'> {
  readonly transcript: Transcript
}

/**
 * Both statistics of an answer that a verifier has scored, as an edge that audits it has them: from what the wire
 * leaves of both. Throws `TranscriptError` where a score is no
 * logarithm of a probability.
 */
export function scoresOf(
  { replay, sampler, transcript }: Opened,
  scored: readonly Position[],
): Scores {
  return rescored({ replay, sampler }, transcript, asSent(scored))
}

/** Positions as the wire leaves them: logprobs have four bytes there. Throws `TranscriptError`. */
export function asSent(positions: readonly Position[]): readonly Position[] {
  const bytes = encodeTranscript({ prompt: [], positions }, MAX_SCORED_CANDIDATES)
  return decodeTranscript(bytes, MAX_SCORED_CANDIDATES).positions
}
