import type { Random } from './prng.ts'

/**
 * How the next token is chosen. The chain is llama.cpp's: logit bias and penalties, then top_k,
 * top_p, min_p on the untempered distribution, then temperature.
 */
export type SamplingParams = {
  /** 0 takes the likeliest token; above, the distribution is flattened or sharpened by it. */
  readonly temperature: number
  /** Keep the k likeliest tokens; 0 keeps all. */
  readonly topK: number
  /** Keep the likeliest tokens that together reach this probability; 1 keeps all. */
  readonly topP: number
  /** Keep tokens at least this fraction as likely as the likeliest; 0 keeps all. */
  readonly minP: number
  /** Subtracted from a token's logit for every time it was generated. */
  readonly frequencyPenalty: number
  /** Subtracted once from the logit of a token that was generated at all. */
  readonly presencePenalty: number
  /** Added to logits by token id (OpenAI's -100 to 100). */
  readonly logitBias: ReadonlyMap<number, number>
  /** How many of the likeliest tokens to report with each choice. */
  readonly topLogprobs: number
}

/** OpenAI's defaults: plain sampling from the whole distribution. */
export const DEFAULT_SAMPLING: SamplingParams = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
  logitBias: new Map(),
  topLogprobs: 0,
}

/** What one generation remembers between tokens. */
export type SamplerState = {
  readonly random: Random
  /** How often each token was chosen. */
  readonly counts: Map<number, number>
}

export type TokenLogprob = { readonly id: number; readonly logprob: number }

/** A chosen token. Logprobs are natural logs of the raw softmax: before bias and temperature. */
export type SampledToken = TokenLogprob & { readonly top: readonly TokenLogprob[] }

/** The state a generation starts from. */
export function newSamplerState(random: Random): SamplerState {
  return { random, counts: new Map() }
}

/**
 * Chooses the next token and counts it in `state`. Draws one random number, none at temperature 0.
 * `logits` is read, not changed.
 */
export function sample(
  logits: Float32Array,
  params: SamplingParams,
  state: SamplerState,
): SampledToken {
  const adjusted = adjustLogits(logits, params, state.counts)
  const id =
    params.temperature <= 0
      ? argmax(adjusted)
      : draw(adjusted, survivors(adjusted, params), params.temperature, state.random())
  state.counts.set(id, (state.counts.get(id) ?? 0) + 1)
  const logSum = logSumExp(logits)
  const top = likeliest(logits, params.topLogprobs).map((token) => ({
    id: token,
    logprob: (logits[token] ?? 0) - logSum,
  }))
  return { id, logprob: (logits[id] ?? 0) - logSum, top }
}

/** Natural log of the raw softmax probability of token `id`. */
export function logprobOf(logits: Float32Array, id: number): number {
  return (logits[id] ?? Number.NEGATIVE_INFINITY) - logSumExp(logits)
}

/** Index of the largest value, the lowest index on ties. */
export function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i
  return best
}

function adjustLogits(
  logits: Float32Array,
  params: SamplingParams,
  counts: ReadonlyMap<number, number>,
): Float32Array {
  const penalised = params.frequencyPenalty !== 0 || params.presencePenalty !== 0
  if (params.logitBias.size === 0 && !penalised) return logits
  const adjusted = logits.slice()
  const add = (id: number, change: number): void => {
    if (id in adjusted) adjusted[id] = (adjusted[id] ?? 0) + change
  }
  for (const [id, bias] of params.logitBias) add(id, bias)
  if (penalised) {
    for (const [id, count] of counts) {
      add(id, -count * params.frequencyPenalty - params.presencePenalty)
    }
  }
  return adjusted
}

/** Ids that top_k, top_p and min_p leave, likeliest first as llama.cpp has them; never none. */
function survivors(logits: Float32Array, { topK, topP, minP }: SamplingParams): number[] {
  const kept = likeliest(logits, topK > 0 ? topK : logits.length)
  const max = logits[kept[0] ?? 0] ?? 0
  const weights = kept.map((id) => Math.exp((logits[id] ?? 0) - max))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let reached = 0
  const end = weights.findIndex((weight, rank) => {
    const isOut = rank > 0 && (reached >= topP || weight < minP)
    reached += weight / total
    return isOut
  })
  return end < 0 ? kept : kept.slice(0, end)
}

/** The id of `ids` on which `point`, from [0, 1), falls when they share it by probability. */
function draw(
  logits: Float32Array,
  ids: readonly number[],
  temperature: number,
  point: number,
): number {
  const max = ids.reduce((most, id) => Math.max(most, logits[id] ?? 0), Number.NEGATIVE_INFINITY)
  const weights = ids.map((id) => Math.exp(((logits[id] ?? 0) - max) / temperature))
  let rest = point * weights.reduce((sum, weight) => sum + weight, 0)
  const drawn = weights.findIndex((weight) => (rest -= weight) < 0)
  return ids[drawn] ?? ids[0] ?? 0
}

/** Ids of the `count` largest logits, largest first, lower id first on ties. */
function likeliest(logits: Float32Array, count: number): number[] {
  if (count <= 0) return []
  const ids = Array.from(logits.keys())
  ids.sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b)
  return ids.slice(0, count)
}

function logSumExp(logits: Float32Array): number {
  let max = Number.NEGATIVE_INFINITY
  for (const logit of logits) if (logit > max) max = logit
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - max)
  return max + Math.log(sum)
}
