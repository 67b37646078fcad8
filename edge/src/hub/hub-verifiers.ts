import type { Verifiers } from '../audit/verifiers.ts'
import { VERIFIER_CHECK_SHARE } from '../canary/canary-limits.ts'
import { CheckedVerifiers } from '../canary/verifier-canaries.ts'
import type { HubOptions } from './provider-hub.ts'

/** The verifiers of a hub, which are checked themselves. */
export function hubVerifiers({
  audit,
  audits,
  events,
  now,
  verifierCheckShare = VERIFIER_CHECK_SHARE,
}: HubOptions): Verifiers {
  return new CheckedVerifiers({
    share: verifierCheckShare,
    draw: (name) => audit.draw(name),
    now,
    calibrationOf: async (spec) => audits?.calibrationOf(spec),
    events,
  })
}
