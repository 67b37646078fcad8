import { z } from 'zod'

/** Providers, quantizations or models named in one list: more than anyone types by hand. */
const MAX_NAMES = 64
const names = z.array(z.string().min(1).max(256)).max(MAX_NAMES)

/** A price as a decimal string or a plain number, never negative. */
const price = z.union([z.string().regex(/^\d{1,18}(\.\d{1,18})?$/), z.number().nonnegative()])

/**
 * The marketplace's `provider{}` request object, in OpenRouter's words. It steers matching at the
 * edge and never reaches an engine. Unknown keys are ignored.
 */
export const providerPreferencesSchema = z.looseObject({
  /** Try these providers first, in this order. */
  order: names.optional(),
  /** Use no others. */
  only: names.optional(),
  /** Never use these. */
  ignore: names.optional(),
  /** May another provider answer when the first choice cannot? Default true. */
  allow_fallbacks: z.boolean().optional(),
  /** Only providers that support every parameter of the request. Default false. */
  require_parameters: z.boolean().optional(),
  data_collection: z.enum(['allow', 'deny']).optional(),
  quantizations: names.optional(),
  /** Switches the balancing off and sorts. */
  sort: z.enum(['price', 'throughput', 'latency']).optional(),
  /** Upper bounds, in the units of GET /v1/models. */
  max_price: z
    .looseObject({
      prompt: price.optional(),
      completion: price.optional(),
      request: price.optional(),
    })
    .optional(),
})

/** A validated `provider{}`. */
export type ProviderPreferences = z.infer<typeof providerPreferencesSchema>
