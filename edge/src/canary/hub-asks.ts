import type { AuditKeys } from '../audit/audit-keys.ts'
import type { ProviderHub } from '../hub/provider-hub.ts'
import type { CanarySettings } from './canary-settings.ts'
import { OperatorAsks, type OperatorAsksParts } from './operator-asks.ts'

/** What a host gives for what a hub asks its own providers. */
export interface HubAsksParts extends Pick<
  OperatorAsksParts,
  'accounts' | 'canaries' | 'events' | 'now' | 'sleep' | 'store'
> {
  readonly hub: ProviderHub
  readonly keys: AuditKeys
}

/** What a hub asks its own providers. */
export const hubAsks = (
  settings: CanarySettings,
  { hub, keys, ...parts }: HubAsksParts,
): OperatorAsks =>
  new OperatorAsks({
    ...parts,
    ...settings,
    hub,
    draw: (name) => keys.draw(name),
    machines: () => hub.machines(),
    peersOf: (model, spec) => hub.peersOf(model, spec),
    rest: (rest) => hub.rest(rest),
    rateOf: (peer, spec) => hub.auditRateOf(peer, spec),
    record: (audit) => hub.judged(audit),
    specOf: (provider, model) => hub.specOf(provider, model),
  })
