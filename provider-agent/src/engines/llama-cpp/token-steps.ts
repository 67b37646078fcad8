import { MAX_CANDIDATES } from '@infernet/schemas/limits'
import type { Candidate, Position } from '@infernet/schemas/transcript'
import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from 'node-llama-cpp'
import type { GenerateRequest } from '../token-source.ts'

/** A generated token; the one that ends the answer only where the generation is traced. */
export interface Step {
  readonly token: Token
  readonly position?: Position
}

/**
 * Tokens that llama.cpp draws behind `prompt`, with the candidates they were drawn from where the request
 * is traced. These are what the cuts left, normalised: all that llama.cpp's own sampler looks at, and
 * nothing that costs a pass over the vocabulary.
 */
export function tokenSteps(
  sequence: LlamaContextSequence,
  prompt: Token[],
  { isTraced, sampling }: GenerateRequest,
  options: SequenceEvaluateOptions,
): AsyncIterable<Step> {
  if (!isTraced) return plainSteps(sequence, prompt, options)
  return sampling.temperature === 0
    ? greedySteps(sequence, prompt)
    : sampledSteps(sequence, prompt, options, sampling.temperature)
}

async function* plainSteps(
  sequence: LlamaContextSequence,
  prompt: Token[],
  options: SequenceEvaluateOptions,
): AsyncGenerator<Step> {
  for await (const token of sequence.evaluate(prompt, options)) yield { token }
}

async function* sampledSteps(
  sequence: LlamaContextSequence,
  prompt: Token[],
  options: SequenceEvaluateOptions,
  temperature: number,
): AsyncGenerator<Step> {
  const drawn = sequence.evaluateWithMetadata(
    prompt,
    { probabilities: true },
    { ...options, yieldEogToken: true },
  )
  for await (const { token, probabilities } of drawn) {
    // What temperature did is undone; what has become too unlikely for a float is left out.
    const logits = [...probabilities]
      .filter(([, probability]) => probability > 0)
      .map(([id, probability]) => [id, temperature * Math.log(probability)] as const)
    yield { token, position: positionOf(token, logits) }
  }
}

/** Without temperature llama.cpp would list its whole vocabulary; so it lists its best, and we take the first. */
async function* greedySteps(sequence: LlamaContextSequence, prompt: Token[]): AsyncGenerator<Step> {
  const generateNext = {
    logits: { filter: { tokens: [], includeTop: MAX_CANDIDATES } },
    // Without these two the library has cuts of its own.
    options: { temperature: 1, topK: MAX_CANDIDATES, topP: 1, minP: 0 },
  }
  let input = prompt
  for (;;) {
    const last = input.length - 1
    const ask = input.map((token, i) => (i < last ? token : ([token, { generateNext }] as const)))
    const output = await sequence.controlledEvaluate(
      ask as Parameters<typeof sequence.controlledEvaluate>[0],
    )
    const logits = [...(output[last]?.next.logits ?? [])]
    const [best] = logits
    if (best === undefined) return
    const [token] = best
    yield { token, position: positionOf(token, logits) }
    input = [token]
  }
}

/** `logits` are all there are to draw from, likeliest first. */
function positionOf(token: Token, logits: readonly (readonly [Token, number])[]): Position {
  const max = logits[0]?.[1] ?? 0
  const logSum = Math.log(logits.reduce((sum, [, logit]) => sum + Math.exp(logit - max), 0))
  const all = logits.map(([id, logit]): Candidate => ({
    id,
    logprob: logprobOf(logit - max - logSum),
  }))
  const chosen = all.find(({ id }) => id === token) ?? { id: token, logprob: 0 }
  return { ...chosen, top: all.slice(0, MAX_CANDIDATES) }
}

/** As it will be signed: four bytes, and never above nothing. */
const logprobOf = (value: number): number => Math.min(0, Math.fround(value))
