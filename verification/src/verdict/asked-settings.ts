import type { Claim } from '@infernet/schemas/transcript'
import { decodeUtf8 } from '@infernet/schemas/utf8'
import { z } from 'zod'

/** What a request says about how its tokens are drawn. */
export interface AskedSettings {
  readonly temperature: number | undefined
  readonly topK: number | undefined
  readonly topP: number | undefined
  readonly minP: number | undefined
  readonly seed: number | undefined
  readonly stops: readonly string[]
  /** Nothing but these settings decides what is drawn: no penalty, bias, grammar or forced call. */
  readonly isPlain: boolean
}

/** Fields that change what is drawn beside the settings above, when they are there and not nothing. */
const STEERING = [
  'frequency_penalty',
  'presence_penalty',
  'repetition_penalty',
  'repeat_penalty',
  'logit_bias',
  'response_format',
  'tools',
  'functions',
  'min_tokens',
  'ignore_eos',
  'structured_outputs',
]

const number = z.number().nullish()
const settingsSchema = z.looseObject({
  temperature: number,
  top_k: number,
  top_p: number,
  min_p: number,
  seed: number,
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
})

/** Of a body that the edge has accepted. */
export function askedSettings(body: Uint8Array): AskedSettings {
  const fields = settingsSchema.parse(JSON.parse(decodeUtf8(body)))
  const { stop } = fields
  return {
    temperature: fields.temperature ?? undefined,
    topK: fields.top_k ?? undefined,
    topP: fields.top_p ?? undefined,
    minP: fields.min_p ?? undefined,
    seed: fields.seed ?? undefined,
    stops: typeof stop === 'string' ? [stop] : (stop ?? []),
    isPlain: isPlainRequest(fields),
  }
}

/** Whether nothing but settings and seed decides what is drawn for a request with these fields. */
export const isPlainRequest = (fields: Readonly<Record<string, unknown>>): boolean =>
  !STEERING.some((name) => isSet(fields[name]))

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === 0 || value === false) return false
  if (typeof value !== 'object') return true
  const type = 'type' in value ? value.type : undefined
  return type === undefined ? Object.keys(value).length > 0 : type !== 'text'
}

/** llama.cpp takes the low 32 bits of a seed. */
const LOW_BITS = 32

/**
 * Why a claim's settings are not those that were asked for; undefined when they are. What the client left
 * open is the engine's to choose, all but the seed.
 */
export function settingsFault(
  { replay, sampler }: Pick<Claim, 'replay' | 'sampler'>,
  { body, seed }: { readonly body: Uint8Array; readonly seed: number },
): string | undefined {
  const asked = askedSettings(body)
  const pairs = [
    ['temperature', asked.temperature, sampler.temperature],
    ['top_k', asked.topK, sampler.top_k],
    ['top_p', asked.topP, sampler.top_p],
    ['min_p', asked.minP, sampler.min_p],
  ] as const
  for (const [name, wanted, claimed] of pairs) {
    if (wanted !== undefined && wanted !== claimed) return `${name} is ${claimed}, not ${wanted}`
  }
  if (replay === 'none') return undefined
  const wanted = seedOf(asked.seed ?? seed, replay)
  return BigInt(sampler.seed) === wanted ? undefined : `the seed is ${sampler.seed}, not ${wanted}`
}

const seedOf = (seed: number, replay: Claim['replay']): bigint =>
  replay.startsWith('vllm') ? BigInt(seed) : BigInt.asUintN(LOW_BITS, BigInt(seed))
