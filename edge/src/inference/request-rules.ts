import type { InferenceRequest } from '@infernet/openai-compat/inference-request'
import {
  toMsatPerMillion,
  type ProviderPreferences,
} from '@infernet/openai-compat/provider-preferences'
import type { MatchRules } from '../hub/match-rules.ts'
import type { ModelChoice } from './served-models.ts'

/** Seconds in a preference, ms in a rule. */
const MS_PER_SECOND = 1000

/** Who may serve this request for this model: the client's `provider{}` in the matcher's terms. */
export function requestRules(request: InferenceRequest, { model, sort }: ModelChoice): MatchRules {
  const { provider } = request
  const cap = provider.max_price
  const latency = percentile(provider.preferred_max_latency)
  return {
    endpoint: request.endpoint,
    needs: request.needs,
    maxPrice: {
      prompt: lower(model.maxPrice.prompt, cap?.prompt),
      completion: lower(model.maxPrice.completion, cap?.completion),
    },
    order: provider.order ?? [],
    only: provider.only,
    ignore: provider.ignore ?? [],
    allowFallbacks: provider.allow_fallbacks ?? true,
    sort: sort ?? sortOf(provider.sort),
    minThroughput: percentile(provider.preferred_min_throughput),
    maxLatencyMs: latency === undefined ? undefined : latency * MS_PER_SECOND,
    quantizations: provider.quantizations?.map((name) => name.toLowerCase()),
    noDataCollection: provider.data_collection === 'deny' || provider.zdr === true,
    verifiableOnly: provider.verify === 'strict',
  }
}

const lower = (price: number, cap: string | number | undefined): number =>
  cap === undefined ? price : Math.min(price, toMsatPerMillion(cap))

type Cutoff = ProviderPreferences['preferred_max_latency']

/** The middle of the distribution, or the nearest percentile that was named. */
const percentile = (value: Cutoff): number | undefined =>
  typeof value === 'object' ? (value.p50 ?? value.p75 ?? value.p90 ?? value.p99) : value

const sortOf = (sort: ProviderPreferences['sort']): MatchRules['sort'] =>
  typeof sort === 'object' ? sort.by : sort
