import type { Position } from '@infernet/schemas/transcript'
import type { KnownAnswer } from '../verifier-check.ts'

export const VOCABULARY = 64
/** Candidates of each place that are told. */
export const LISTED = 40
const PROMPT = [3, 1, 4]

interface Machine {
  /** Another one computes with other weights. */
  readonly weights?: number
  /** Largest change of a logit, nats. */
  readonly noise?: number
  readonly random: () => number
}

/** All candidates behind three tokens, likeliest first, by a model as a machine of that noise computes it. */
function ranked([a = 0, b = 0, c = 0]: readonly number[], machine: Machine) {
  const { weights = 1, noise = 0, random } = machine
  const logits = Array.from({ length: VOCABULARY }, (_, token) => {
    const angle = (token + 1) * (12.9898 * a + 78.233 * b + 37.719 * c + weights)
    return 4 * Math.sin(angle) + noise * (2 * random() - 1)
  })
  const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0))
  return logits
    .map((logit, id) => ({ id, logprob: logit - sum }))
    .toSorted((one, other) => other.logprob - one.logprob)
}

/** The tokens of an answer as the model on that machine sees them. */
export function contextScores(output: readonly number[], machine: Machine): Position[] {
  const all = [...PROMPT, ...output]
  return output.map((id, place) => {
    const candidates = ranked(all.slice(place, place + 3), machine)
    const logprob = candidates.find((candidate) => candidate.id === id)?.logprob ?? -30
    return { id, logprob, top: candidates.slice(0, LISTED) }
  })
}

/** An answer of the model, with its scores by a machine of usual noise. */
export function contextAnswer(tokens: number, random: () => number): KnownAnswer {
  const all = [...PROMPT]
  while (all.length < PROMPT.length + tokens)
    all.push(ranked(all.slice(-3), { random })[Math.floor(3 * random())]?.id ?? 0)
  const positions = contextScores(all.slice(PROMPT.length), { random, noise: 0.03 })
  return { prompt: PROMPT, positions }
}
