import type { CapabilityName, Endpoint } from '@infernet/schemas/wire'
import type { z } from 'zod'
import { apiErrors } from './api-errors.ts'
import { type ProviderPreferences, withoutNulls } from './provider-preferences.ts'
import type { marketFields, samplingFields } from './request-fields.ts'

/** A validated request of any endpoint, as matching, reserving and metering need it. */
export interface InferenceRequest {
  readonly endpoint: Endpoint
  readonly model: string
  /** Further models to try, in order, when nobody can serve `model`. */
  readonly fallbackModels: readonly string[]
  readonly stream: boolean
  /** The client asked for the usage chunk. Engines are always asked for it. */
  readonly includeUsage: boolean
  /** Most tokens to generate per choice; undefined when only the model's context bounds them. */
  readonly maxOutputTokens: number | undefined
  /** Choices to generate over all prompts; 1 where nothing is generated. */
  readonly n: number
  /** Messages, prompts or inputs: what the template may add special tokens to, each. */
  readonly messages: number
  /** What a provider must be able to do to serve the request. */
  readonly needs: readonly CapabilityName[]
  readonly provider: ProviderPreferences
}

type MarketBody = z.output<z.ZodObject<typeof marketFields>>
type SamplingBody = z.output<z.ZodObject<typeof samplingFields>>

/** The fields that every endpoint spells alike. */
export function marketOf(
  body: MarketBody,
): Pick<InferenceRequest, 'model' | 'fallbackModels' | 'provider'> {
  return {
    model: body.model,
    fallbackModels: body.models ?? [],
    provider: body.provider ? withoutNulls(body.provider) : {},
  }
}

/**
 * Strict verification looks at one generated text.
 *
 * @throws ApiError 400 where it is asked for anything else.
 */
export function checkVerify({ provider }: MarketBody, endpoint: Endpoint, choices: number): void {
  if (provider?.verify !== 'strict') return
  const isOne = endpoint !== 'embeddings' && choices === 1
  if (isOne) return
  const what = endpoint === 'embeddings' ? 'embeddings' : 'several choices of one request'
  throw apiErrors.invalidRequest(
    `Invalid 'provider.verify': ${what} cannot be verified yet; expected 'sampled' or 'none'.`,
    'provider.verify',
    'unsupported_value',
  )
}

/**
 * How a generated answer is delivered.
 *
 * @throws ApiError 400 for stream options without a stream.
 */
export function deliveryOf(body: SamplingBody): Pick<InferenceRequest, 'stream' | 'includeUsage'> {
  if (body.stream_options && body.stream !== true) {
    throw apiErrors.invalidRequest(
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      'stream_options',
    )
  }
  return {
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
  }
}

/**
 * What the sampling fields ask of a provider. A seed is a wish that engines may ignore, unless the
 * client insists that every parameter counts.
 */
export function samplingNeeds(body: SamplingBody & MarketBody, choices: number): CapabilityName[] {
  const needs: CapabilityName[] = []
  if (choices > 1) needs.push('choices')
  if (body.provider?.require_parameters === true && typeof body.seed === 'number') {
    needs.push('seed')
  }
  return needs
}
