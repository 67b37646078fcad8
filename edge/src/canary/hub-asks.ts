import type { DbPort } from '@infernet/settlement/db/db-port'
import type { AuditKeys } from '../audit/audit-keys.ts'
import { postgresCanaries } from '../db/canaries.ts'
import type { ProviderHub } from '../hub/provider-hub.ts'
import type { CanarySettings } from './canary-settings.ts'
import { OperatorAsks, type OperatorAsksParts } from './operator-asks.ts'

/** What a host gives for what a hub asks its own providers. */
export interface HubAsksParts extends Pick<
  OperatorAsksParts,
  'accounts' | 'events' | 'now' | 'sleep' | 'store'
> {
  readonly hub: ProviderHub
  readonly database: DbPort
  readonly keys: AuditKeys
}

/** What a hub asks its own providers; nothing without an account that pays. */
export const hubAsks = (
  settings: CanarySettings | undefined,
  { hub, database, keys, ...parts }: HubAsksParts,
): OperatorAsks | undefined =>
  settings &&
  new OperatorAsks({
    ...parts,
    ...settings,
    hub,
    canaries: postgresCanaries(database),
    draw: (name) => keys.draw(name),
    peersOf: (model, spec) => hub.peersOf(model, spec),
    rateOf: (peer, spec) => hub.auditRateOf(peer, spec),
    record: (audit) => hub.judged(audit),
    specOf: (provider, model) => hub.specOf(provider, model),
  })
