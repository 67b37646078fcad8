import type { Verifiers } from '../audit/verifiers.ts'
import { VERIFIER_CHECK_SHARE } from '../canary/canary-limits.ts'
import { CheckedVerifiers } from '../canary/verifier-canaries.ts'
import type { HubOptions } from './hub-options.ts'

/** The verifiers of a hub, which are checked themselves. */
export function hubVerifiers({
  audit,
  audits,
  events,
  later,
  now,
  trustedVerifiers,
  verifierCheckShare = VERIFIER_CHECK_SHARE,
}: HubOptions): Verifiers {
  return new CheckedVerifiers({
    share: verifierCheckShare,
    isOwn: (peer) => trustedVerifiers?.has(peer) ?? false,
    draw: (name) => audit.draw(name),
    later,
    now,
    calibrationOf: async (spec) => audits?.calibrationOf(spec),
    events,
  })
}
