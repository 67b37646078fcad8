import type { AuditKeys } from '../../audit/audit-keys.ts'
import { parseCanaries } from '../../canary/canary-settings.ts'
import { OperatorAsks, type OperatorAsksParts } from '../../canary/operator-asks.ts'
import { postgresCanaries } from '../../db/canaries.ts'
import { connectNeon } from '../../db/neon-db.ts'
import type { ProviderHub } from '../../hub/provider-hub.ts'
import { storeOf, type WorkerEnv } from './env.ts'
import { objectAccounts } from './object-accounts.ts'

/**
 * What a hub asks its own providers; nothing without an account that pays, or without a secret to draw by. Throws
 * CanarySettingsError when a setting makes no sense.
 */
export function objectAsks(
  env: WorkerEnv,
  keys: AuditKeys | undefined,
  parts: Pick<OperatorAsksParts, 'events' | 'rateOf'> & { readonly hub: ProviderHub },
): OperatorAsks | undefined {
  const settings = parseCanaries(env.CANARY_ACCOUNT, env.CANARY_SHARE)
  if (settings === undefined || keys === undefined) return undefined
  const { hub } = parts
  return new OperatorAsks({
    ...parts,
    ...settings,
    accounts: objectAccounts(env),
    canaries: postgresCanaries(connectNeon(env.DATABASE_URL)),
    draw: (name) => keys.draw(name),
    now: Date.now,
    peersOf: (model, spec) => hub.peersOf(model, spec),
    record: (audit) => hub.judged(audit),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    specOf: (provider, model) => hub.specOf(provider, model),
    store: storeOf(env),
  })
}
