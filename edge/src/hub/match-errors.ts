import type { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { NO_PROVIDER_RETRY_AFTER_MS } from '../limits.ts'
import type { Refusal } from './eligibility.ts'
import type { MatchRules } from './match-rules.ts'
import type { RuleName } from './rule-filter.ts'

/** Rules that say what a request needs; the others are what its client would rather have. */
const NEEDS: ReadonlySet<RuleName> = new Set(['endpoint', 'capabilities'])

/**
 * Why nobody gets this job, in the client's terms. `triedAll`: everybody who could have had it has
 * failed it.
 */
export function matchError(
  model: string,
  rules: MatchRules,
  refusal: Exclude<Refusal, { why: 'full' }>,
  triedAll: boolean,
): ApiError {
  if (triedAll) return apiErrors.providerFailed()
  if (refusal.why === 'none') return apiErrors.noProvider(model, NO_PROVIDER_RETRY_AFTER_MS)
  const preferences = refusal.rules.filter((rule) => !NEEDS.has(rule))
  if (preferences.length > 0) {
    return apiErrors.noProviderMatches(model, preferences, NO_PROVIDER_RETRY_AFTER_MS)
  }
  const lacking = refusal.rules.includes('endpoint') ? [rules.endpoint] : rules.needs
  return apiErrors.unsupported(model, lacking)
}
