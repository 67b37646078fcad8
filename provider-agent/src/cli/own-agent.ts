import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { dataDir } from '../data-dir.ts'
import { shellWord } from '../doctor/shell-word.ts'
import { installedServices, type InstalledServices } from '../service/installed-services.ts'
import { serviceFiles, SYSTEM_STATE } from '../service/service-files.ts'

/** Where the machine's service has its key, as a `--data` directory. */
export const SYSTEM_KEYS = serviceFiles('system', {}, '').secrets

/** What an owner's command finds at the data folder where it looks. */
export interface OwnAgent {
  /** The folder, as a path. */
  readonly root: string
  /** Whether the owner has named it, by `--data` or the environment. */
  readonly isNamed: boolean
  /** ` --data DIR`, or nothing, for commands to type. */
  readonly dataFlag: string
  readonly hasKey: boolean
  /** An agent runs there, or was killed there. */
  readonly hasSocket: boolean
  /** `setup` has been there. */
  readonly hasSettings: boolean
  readonly services: InstalledServices
}

/** Looks for key, settings and services, for a command with this `--data`. */
export function ownAgent(data: string | undefined, env: NodeJS.ProcessEnv): OwnAgent {
  const { control, key, settings } = dataDir(data, env)
  const unitOf = (scope: 'system' | 'user') => serviceFiles(scope, env, homedir()).unit
  return {
    root: dirname(settings),
    isNamed: Boolean(data || env['INFERNET_DATA']),
    dataFlag: dataFlag(data),
    hasKey: existsSync(key),
    hasSocket: existsSync(control),
    hasSettings: existsSync(settings),
    services: installedServices({ system: unitOf('system'), user: unitOf('user') }),
  }
}

/**
 * Where root looks for `what` who has named no folder: where the machine's service has it, unless root has one of its
 * own. Undefined: where everybody looks.
 */
export function serviceFolder(own: OwnAgent, what: 'agent' | 'key'): string | undefined {
  if (own.isNamed || !own.services.system) return undefined
  if (what === 'agent') return own.hasSocket ? undefined : SYSTEM_STATE
  return own.hasKey ? undefined : SYSTEM_KEYS
}

/** The `--data` where the agent runs that is asked. */
export const agentData = (data: string | undefined): string | undefined => dataFor('agent', data)

/** The `--data` where the provider's key is that is asked for. */
export const keyData = (data: string | undefined): string | undefined => dataFor('key', data)

/** The `--data` of the agent whose key is in `data`: the machine's service has them in two places. */
export const agentBeside = (data: string | undefined): string | undefined =>
  data !== undefined && resolve(data) === SYSTEM_KEYS ? SYSTEM_STATE : agentData(data)

function dataFor(what: 'agent' | 'key', data: string | undefined): string | undefined {
  // Nobody else can read them.
  if (data !== undefined || process.getuid?.() !== 0) return data
  return serviceFolder(ownAgent(data, process.env), what)
}

/** ` --data DIR`, or nothing, for commands to type. */
export const dataFlag = (data: string | undefined): string =>
  data === undefined ? '' : ` --data ${shellWord(data)}`

/** What to type where no agent answers: never what would start a second one beside a service. */
export function nextStep(own: OwnAgent): string {
  const { dataFlag: flag, isNamed, root, services } = own
  if (services.userData === root) return 'infernet-agent service status --user'
  if (services.system && root === SYSTEM_STATE) return 'sudo infernet-agent service status'
  if (services.system && (!isNamed || root === SYSTEM_KEYS))
    return `sudo infernet-agent status --data ${SYSTEM_STATE}`
  if (services.userData !== undefined && !isNamed)
    return `infernet-agent status --data ${shellWord(services.userData)}`
  if (own.hasSettings) return `infernet-agent run${flag}`
  // It was run by flags alone.
  return `infernet-agent ${own.hasKey ? 'run --edge URL' : 'setup'}${flag}`
}

/** The folder of a service's key, for whoever has none and has not said where to look. */
export function keyElsewhere({
  hasKey,
  isNamed,
  root,
  services,
}: OwnAgent): { readonly root: string; readonly command: string } | undefined {
  if (hasKey || isNamed) return undefined
  if (services.system) return { root: SYSTEM_KEYS, command: 'sudo infernet-agent' }
  const { userData } = services
  const isElsewhere = userData !== undefined && userData !== root
  return isElsewhere ? { root: userData, command: 'infernet-agent' } : undefined
}
