import type { AuditKeys } from '../../audit/audit-keys.ts'
import { parseCanaries } from '../../canary/canary-settings.ts'
import { hubAsks, type HubAsksParts } from '../../canary/hub-asks.ts'
import type { OperatorAsks } from '../../canary/operator-asks.ts'
import { postgresCanaries } from '../../db/canaries.ts'
import { connectNeon } from '../../db/neon-db.ts'
import { storeOf, type WorkerEnv } from './env.ts'
import { objectAccounts } from './object-accounts.ts'
import { sleep } from './sleep.ts'

/**
 * What a hub asks its own providers; nothing without an account that pays, or without a secret to draw by. Throws
 * CanarySettingsError when a setting makes no sense.
 */
export function objectAsks(
  env: WorkerEnv,
  keys: AuditKeys | undefined,
  parts: Pick<HubAsksParts, 'events' | 'hub'>,
): OperatorAsks | undefined {
  const settings = parseCanaries(env.CANARY_ACCOUNT, env.CANARY_SHARE, env.CHALLENGES)
  if (settings === undefined || keys === undefined) return undefined
  return hubAsks(settings, {
    ...parts,
    keys,
    accounts: objectAccounts(env),
    canaries: postgresCanaries(connectNeon(env.DATABASE_URL)),
    now: Date.now,
    sleep,
    store: storeOf(env),
  })
}
