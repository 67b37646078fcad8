import { setTimeout as pause } from 'node:timers/promises'
import type { DbPort } from '@infernet/settlement/db/db-port'
import type { AuditKeys } from '../../audit/audit-keys.ts'
import type { CanarySettings } from '../../canary/canary-settings.ts'
import { OperatorAsks, type OperatorAsksParts } from '../../canary/operator-asks.ts'
import { postgresCanaries } from '../../db/canaries.ts'
import type { ProviderHub } from '../../hub/provider-hub.ts'

interface NodeAsksParts extends Pick<
  OperatorAsksParts,
  'accounts' | 'events' | 'now' | 'rateOf' | 'store'
> {
  readonly hub: ProviderHub
  readonly database: DbPort
  readonly audit: AuditKeys
}

/** What this edge asks its providers; nothing without an account that pays. */
export const nodeAsks = (
  settings: CanarySettings | undefined,
  { hub, database, audit, ...parts }: NodeAsksParts,
): OperatorAsks | undefined =>
  settings &&
  new OperatorAsks({
    ...parts,
    ...settings,
    hub,
    canaries: postgresCanaries(database),
    record: (audit) => hub.judged(audit),
    draw: (name) => audit.draw(name),
    specOf: (provider, model) => hub.specOf(provider, model),
    peersOf: (model, spec) => hub.peersOf(model, spec),
    sleep: (ms, signal) => pause(ms, undefined, { signal, ref: false }).catch(() => {}),
  })
