import type { ModelSpec } from '@infernet/schemas/model-spec'
import { decodeTranscript, encodeTranscript } from '@infernet/schemas/transcript'
import type { Scores } from '@infernet/verification/evidence/calibration'
import type { Engine, EngineRequest, Evidence } from '../engines/engine.ts'
import { errorMessage } from '../error-message.ts'
import { MAX_ASKS_AT_ONCE } from '../limits.ts'
import { askEngine } from './ask-engine.ts'
import { CalibrationError } from './calibration-error.ts'
import { questions } from './questions.ts'
import { scoresOf } from './scores-of.ts'
import { sideBySide } from './side-by-side.ts'
import { subjectOf, type Subject } from './subject.ts'

/**
 * Of requests to slots, in one round: a provider answers and a verifier scores, none does both at once, so
 * rounds take turns. Two, so that what is scored was mostly forgotten: a verifier has to read the prompt too.
 */
const ROUND_OF_SLOTS = 2

export interface MeasureOptions {
  readonly requests: number
  /** Of each answer. */
  readonly maxTokens: number
  /** Requests at once, as the engine is to be run. */
  readonly slots: number
  /** 32 bits, from which prompts, temperatures and seeds follow. */
  readonly seed: number
  readonly signal: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

export interface Progress {
  /** Requests. */
  readonly answered: number
  readonly scored: number
  /** Answer tokens scored. */
  readonly tokens: number
}

export interface Measurement {
  readonly model: string
  readonly spec: ModelSpec
  /** Of each request in turn. */
  readonly samples: readonly Scores[]
}

/** What is kept of an answer until it is scored: 170 bytes a token. */
interface Answered extends Pick<Evidence, 'replay' | 'sampler'> {
  readonly opening: Uint8Array
}

/**
 * Asks a started engine as clients would, has it score its own answers as a verifier would, and tells how far
 * the two are apart. Rejects with {@link CalibrationError}.
 */
export async function measure(engine: Engine, options: MeasureOptions): Promise<Measurement> {
  const subject = subjectOf(engine)
  const stopping = new AbortController()
  const signal = AbortSignal.any([options.signal, stopping.signal])
  try {
    const samples = await samplesOf(subject, { ...options, signal })
    return { model: subject.model.id, spec: subject.spec, samples }
  } catch (error) {
    // One has failed: the others are for nothing.
    stopping.abort()
    // An engine that was stopped together with us has failed for that reason.
    if (options.signal.aborted)
      throw new CalibrationError('aborted', 'stopped; nothing was calibrated')
    throw error
  }
}

async function samplesOf(subject: Subject, options: MeasureOptions): Promise<Scores[]> {
  const { requests, slots, signal, onProgress } = options
  const asked = questions(subject.model, options)
  const samples: Scores[] = []
  const progress = { answered: 0, scored: 0, tokens: 0 }
  const tell = (): void => onProgress?.({ ...progress })
  while (samples.length < requests) {
    const size = Math.min(ROUND_OF_SLOTS * slots, requests - samples.length)
    const round = Array.from({ length: size }, () => asked.next().value)
    const answers = await sideBySide(round, slots, async (request) => {
      const answer = await answered(subject, request, signal)
      progress.answered++
      tell()
      return answer
    })
    const scores = await sideBySide(answers, Math.min(slots, MAX_ASKS_AT_ONCE), async (answer) => {
      const sample = await scored(subject, answer, signal)
      progress.scored++
      progress.tokens += sample.excess.length
      tell()
      return sample
    })
    samples.push(...scores)
  }
  return samples
}

async function answered(
  { engine }: Subject,
  request: EngineRequest,
  signal: AbortSignal,
): Promise<Answered> {
  const { replay, sampler, transcript } = await askEngine(engine, request, signal)
  return { replay, sampler, opening: encodeTranscript(transcript) }
}

async function scored(
  { model, score }: Subject,
  { opening, ...claim }: Answered,
  signal: AbortSignal,
): Promise<Scores> {
  try {
    const transcript = decodeTranscript(opening)
    const output = transcript.positions.map(({ id }) => id)
    const positions = await score({ model: model.id, prompt: transcript.prompt, output }, signal)
    return scoresOf({ ...claim, transcript }, positions)
  } catch (cause) {
    const reason = errorMessage(cause)
    throw new CalibrationError('engine_failed', `an answer could not be scored: ${reason}`, {
      cause,
    })
  }
}
