import { join } from 'node:path'
import type { Scope } from './unit-settings.ts'
import { SERVICE_NAME } from './render-unit.ts'

/** Where a service's files are. */
export interface ServiceFiles {
  readonly unit: string
  /** Folder of what only its owner may read; for the system's service a `--data` directory with its key. */
  readonly secrets: string
  /** The key for the engine's server. */
  readonly engineKey: string
}

/** The files of either scope. `home` is of the user who asks. */
export function serviceFiles(scope: Scope, env: NodeJS.ProcessEnv, home: string): ServiceFiles {
  const config = env['XDG_CONFIG_HOME'] || join(home, '.config')
  const secrets = join(scope === 'system' ? '/etc' : config, SERVICE_NAME)
  const units = scope === 'system' ? '/etc/systemd/system' : join(config, 'systemd', 'user')
  return {
    unit: join(units, `${SERVICE_NAME}.service`),
    secrets,
    engineKey: join(secrets, 'engine-key'),
  }
}

/** Receipts and the engine's files of the system's service. systemd makes it, with the second behind it. */
export const SYSTEM_STATE = `/var/lib/${SERVICE_NAME}`
export const SYSTEM_STATE_BEHIND = `/var/lib/private/${SERVICE_NAME}`
