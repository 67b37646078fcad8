import type { Candidate, Position } from '@infernet/schemas/transcript'
import { Mt19937 } from '../../random/mt19937.ts'
import type { SamplerSettings } from '../../sampler-settings.ts'
import type { AnswerUnderCheck } from '../answer-under-check.ts'

/** A vocabulary of letters, id by id, and the EOS last. */
const LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ']
export const EOS = LETTERS.length
export const VOCABULARY = LETTERS.length + 1

export const DRAWN: SamplerSettings = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 1n }

const textOf = (ids: readonly number[]): string => ids.map((id) => LETTERS[id] ?? '').join('')

/**
 * What an honest provider opens: tokens drawn from made-up distributions, some flat and some sharp, by the settings'
 * temperature and top-p, with logprobs of half precision.
 */
export function honestAnswer(
  seed: number,
  { length = 200, ...over }: Partial<AnswerUnderCheck> & { length?: number } = {},
): AnswerUnderCheck {
  const twister = new Mt19937(seed)
  const random = () => twister.uniform()
  const sampling = over.sampling ?? DRAWN
  const positions: Position[] = []
  while (positions.length < length && positions.at(-1)?.id !== EOS)
    positions.push(drawnPosition(random, sampling, over.candidatesAsked ?? 8))
  return { ...answerOf(positions, length), ...over, sampling }
}

/** An answer of these positions that agrees with itself. */
export function answerOf(positions: readonly Position[], maxTokens: number): AnswerUnderCheck {
  const text = textOf(positions.map(({ id }) => id))
  return {
    promptIds: [1, 2, 3],
    renderedPromptIds: [1, 2, 3],
    positions,
    candidatesAsked: 8,
    vocabularySize: VOCABULARY,
    eosIds: [EOS],
    text,
    detokenised: text,
    contentBytes: text.length,
    stopSequences: [],
    usage: { prompt_tokens: 3, completion_tokens: positions.length },
    countedTokens: positions.length,
    finishReason: positions.at(-1)?.id === EOS ? 'stop' : 'length',
    maxTokens,
    contextLength: 4096,
    sampling: DRAWN,
    plainSampling: true,
    timing: {
      ttftMs: 80,
      totalMs: 100 + 20 * positions.length,
      workedMs: 90 + 20 * positions.length,
      roundTripMs: 20,
      maxTokensPerSecond: 100,
    },
  }
}

/** A position at which the tokens of `probabilities` were likeliest and the first of them was emitted. */
export function positionOf(
  ...probabilities: readonly (readonly [id: number, p: number])[]
): Position {
  const candidates = probabilities.map(([id, p]) => ({ id, logprob: Math.log(p) }))
  return { ...(candidates[0] ?? { id: 0, logprob: 0 }), top: likeliestFirst(candidates) }
}

function drawnPosition(
  random: () => number,
  { temperature, topP }: SamplerSettings,
  candidates: number,
): Position {
  const sharpness = 0.5 + 8 * random()
  const logits = Array.from({ length: VOCABULARY }, () => sharpness * normal(random))
  logits[EOS] = (logits[EOS] ?? 0) - 2 * sharpness
  const all = likeliestFirst(normalised(logits))
  const emitted = draw(random, nucleus(tempered(all, temperature), topP))
  const listed = all.map(({ id, logprob }) => ({ id, logprob: Math.f16round(logprob) }))
  return {
    id: 0,
    logprob: 0,
    ...listed.find(({ id }) => id === emitted),
    top: listed.slice(0, candidates),
  }
}

const likeliestFirst = (candidates: readonly Candidate[]): Candidate[] =>
  [...candidates].sort((one, other) => other.logprob - one.logprob)

function normalised(logits: readonly number[]): Candidate[] {
  const norm = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
  return logits.map((logit, id) => ({ id, logprob: logit - norm }))
}

const tempered = (all: readonly Candidate[], temperature: number): Candidate[] =>
  temperature === 0
    ? [{ id: all[0]?.id ?? 0, logprob: 0 }]
    : likeliestFirst(normalised(byId(all).map(({ logprob }) => logprob / temperature)))

const byId = (all: readonly Candidate[]): Candidate[] => [...all].sort((a, b) => a.id - b.id)

function nucleus(all: readonly Candidate[], topP: number): Candidate[] {
  let mass = 0
  return all.filter(({ logprob }) => {
    const kept = mass < topP
    mass += Math.exp(logprob)
    return kept
  })
}

function draw(random: () => number, all: readonly Candidate[]): number {
  let rest = random() * all.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)
  const chosen = all.find(({ logprob }) => (rest -= Math.exp(logprob)) < 0)
  return (chosen ?? all[0])?.id ?? 0
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
