import { z } from 'zod'
import { apiErrors } from './api-errors.ts'

/** Providers, quantizations or models named in one list: more than anyone types by hand. */
const MAX_NAMES = 64
/** What the wire lets a provider ask for a million tokens, in msat; a higher bound bounds nothing. */
const MAX_PRICE_PER_MILLION = 1_000_000_000_000
/** A million, as the shift of a decimal point. */
const MILLION_DIGITS = 6

/** Every number that JavaScript writes; digits are bounded, since strings come from strangers. */
const DECIMAL = /^(\d{1,32})(?:\.(\d{1,32}))?(?:[eE]([+-]?\d{1,3}))?$/

const names = z.array(z.string().min(1).max(256)).max(MAX_NAMES).nullish()
const flag = z.boolean().nullish()
const sortBy = z.enum(['price', 'throughput', 'latency'])

/** msat per token, or per request or image: a decimal string or a plain number, never negative. */
const price = z.union([z.string().regex(DECIMAL), z.number().nonnegative()]).nullish()

/** One cutoff, or one for each of some percentiles. */
const cutoff = z.number().nonnegative()
const cutoffs = z
  .union([
    cutoff,
    z.looseObject({
      p50: cutoff.nullish(),
      p75: cutoff.nullish(),
      p90: cutoff.nullish(),
      p99: cutoff.nullish(),
    }),
  ])
  .nullish()

/**
 * The marketplace's `provider{}` request object, in OpenRouter's words. It steers matching at the
 * edge and never reaches an engine. Unknown keys are ignored.
 */
export const providerPreferencesSchema = z.looseObject({
  /** Try these providers first, in this order. */
  order: names,
  /** Use no others. */
  only: names,
  /** Never use these. */
  ignore: names,
  /** May another provider answer when the first choice cannot? Default true. */
  allow_fallbacks: flag,
  /** Only providers that support every parameter of the request. Default false. */
  require_parameters: flag,
  /** `deny`: only providers that declare not to keep prompts. */
  data_collection: z.enum(['allow', 'deny']).nullish(),
  /** Zero data retention; the same demand as `data_collection: "deny"`. */
  zdr: flag,
  /** Weight formats to choose from. */
  quantizations: names,
  /** Switches the balancing off and sorts; all providers here serve one model, so no partition. */
  sort: z
    .union([
      sortBy,
      z.looseObject({
        by: sortBy.nullish(),
        partition: z.enum(['model', 'none']).nullish(),
      }),
    ])
    .nullish(),
  /** Tokens per second; slower providers come last. */
  preferred_min_throughput: cutoffs,
  /** Seconds to the first token; slower providers come last. */
  preferred_max_latency: cutoffs,
  /** `none`: never audited. `strict`: always, before anybody is paid, and the answer carries the verdict. Default `sampled`. */
  verify: z
    .enum(['none', 'sampled', 'strict'])
    .nullish()
    .describe(
      'How the answer is verified: never, by chance (the default), or always, before it ends: ' +
        'it then carries the verdict in `infernet.verification`',
    ),
  /**
   * Anybody may verify this request and its answer, and read both where they convict a provider. Another provider may
   * be asked the same to check it. Default false.
   */
  open_audit: flag.describe(
    'Anybody may verify this request and its answer, and read both where they convict a provider; ' +
      'another provider may be asked the same to check it',
  ),
  /** Upper bounds, in the units of GET /v1/models. Nothing here costs per request or image. */
  max_price: z
    .looseObject({ prompt: price, completion: price, request: price, image: price })
    .nullish(),
})

type WithoutNulls<T> = T extends object
  ? { [Key in keyof T]: WithoutNulls<Exclude<T[Key], null>> }
  : T

/** A validated `provider{}`, where what is null is absent. */
export type ProviderPreferences = WithoutNulls<z.output<typeof providerPreferencesSchema>>

/** Leaves out what is null at any depth: typed SDKs write null for what was not set. */
export function withoutNulls<T extends object>(value: T): WithoutNulls<T> {
  const kept = Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
    if (item === null) return []
    const isObject = typeof item === 'object' && !Array.isArray(item)
    return [[key, isObject ? withoutNulls(item) : item]]
  })
  return Object.fromEntries(kept) as WithoutNulls<T>
}

/**
 * A price bound in msat per token as the wire's whole msat per million tokens: exact, rounded down
 * and capped at the highest price the wire knows.
 *
 * @throws ApiError 400 for what is no decimal of at least 0.
 */
export function toMsatPerMillion(perToken: string | number): number {
  const [, whole, fraction = '', exponent = '0'] = DECIMAL.exec(String(perToken)) ?? []
  if (whole === undefined) {
    throw apiErrors.invalidRequest(
      "Invalid 'provider.max_price': expected decimals of at least 0.",
      'provider.max_price',
      'invalid_value',
    )
  }
  const digits = BigInt(whole + fraction)
  const shift = Number(exponent) - fraction.length + MILLION_DIGITS
  const perMillion = shift < 0 ? digits / 10n ** BigInt(-shift) : digits * 10n ** BigInt(shift)
  const cap = BigInt(MAX_PRICE_PER_MILLION)
  return perMillion > cap ? MAX_PRICE_PER_MILLION : Number(perMillion)
}
