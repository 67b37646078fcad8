import { z } from 'zod'
import { providerPreferencesSchema } from './provider-preferences.ts'

/** Choices per request. OpenAI allows 128, but each one multiplies the reserve and the GPU time. */
export const MAX_CHOICES = 8
/** OpenAI's limit. */
const MAX_STOPS = 4
/** Characters in one stop sequence: engines compare it at every token. */
export const MAX_STOP_CHARS = 512
/** Entries of `logit_bias`: each one is applied at every token. */
export const MAX_LOGIT_BIASES = 1024
/** Characters in a model name. */
export const MAX_MODEL_CHARS = 256
/** Ordered fallbacks in `models`: each may cost one matching round. */
export const MAX_FALLBACK_MODELS = 8
/** int64, which is what engines store; JSON numbers lose precision above 2^53, as at OpenAI. */
const MAX_SEED = 2 ** 63

const modelName = z.string().min(1).max(MAX_MODEL_CHARS)
const penalty = z.number().min(-2).max(2).nullish()
const stop = z.string().min(1).max(MAX_STOP_CHARS)

export const flag = z.boolean().nullish()
export const positiveCount = z.int().min(1).nullish()

/** What every endpoint takes: the model, and how the market is to find it. */
export const marketFields = {
  model: modelName,
  models: z.array(modelName).max(MAX_FALLBACK_MODELS).nullish(),
  provider: providerPreferencesSchema.nullish(),
}

/** What every endpoint that generates text takes. */
export const samplingFields = {
  stream: flag,
  stream_options: z.looseObject({ include_usage: flag, include_obfuscation: flag }).nullish(),
  n: z.int().min(1).max(MAX_CHOICES).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  stop: z.union([stop, z.array(stop).max(MAX_STOPS)]).nullish(),
  seed: z.number().multipleOf(1).min(-MAX_SEED).max(MAX_SEED).nullish(),
  logit_bias: z
    .record(z.string().regex(/^\d{1,10}$/), z.number().min(-100).max(100))
    .refine((biases) => Object.keys(biases).length <= MAX_LOGIT_BIASES, {
      error: `expected at most ${MAX_LOGIT_BIASES} entries`,
    })
    .nullish(),
}
