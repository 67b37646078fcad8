import type { samplingFields } from '@infernet/openai-compat/request-fields'
import type { z } from 'zod'
import { JobFault, requestFault } from './engine.ts'
import type { Sampling } from './token-source.ts'

type SamplingBody = z.output<z.ZodObject<typeof samplingFields>> & Record<string, unknown>

/** llama-server's defaults for what a request leaves open. */
const DEFAULT_TEMPERATURE = 0.8
const DEFAULT_TOP_K = 40
const DEFAULT_TOP_P = 0.95
const DEFAULT_MIN_P = 0.05

/** How the body wants tokens drawn; `seed` is for one that has none. */
export function samplingOf(body: SamplingBody, seed: number): Sampling {
  return {
    temperature: body.temperature ?? DEFAULT_TEMPERATURE,
    topK: numberAt(body, 'top_k') ?? DEFAULT_TOP_K,
    topP: body.top_p ?? DEFAULT_TOP_P,
    minP: numberAt(body, 'min_p') ?? DEFAULT_MIN_P,
    frequencyPenalty: body.frequency_penalty ?? 0,
    presencePenalty: body.presence_penalty ?? 0,
    seed: (body.seed ?? seed) >>> 0,
    logitBias: Object.entries(body.logit_bias ?? {}).map(([id, bias]) => [Number(id), bias]),
  }
}

/** A vendor extension that OpenAI's schema does not know. */
function numberAt(body: Record<string, unknown>, name: string): number | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && value >= 0) return value
  throw new JobFault(
    requestFault('invalid_value', `Invalid '${name}': expected a number of at least 0.`, {
      param: name,
    }),
  )
}

/** The sequences that end the answer. */
export const stopsOf = ({ stop }: SamplingBody): readonly string[] =>
  typeof stop === 'string' ? [stop] : (stop ?? [])

/** How many characters two texts begin with in common. */
export function sharedPrefix(one: string, other: string): number {
  let same = 0
  while (same < one.length && one[same] === other[same]) same++
  return same
}

/**
 * A text to go on from, without the white space at its end: tokens have theirs in front, so that
 * few models know what to say behind a space. It is `known`, for the model will say it again.
 */
export function openEnded(text: string): { prompt: string; known: string } {
  const prompt = text.trimEnd()
  return { prompt, known: text.slice(prompt.length) }
}
