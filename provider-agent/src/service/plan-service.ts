import { dirname, resolve } from 'node:path'
import { NO_SETTINGS, SETTINGS_VARIABLE } from '../setup/agent-file.ts'
import { isNamedFile } from './file-options.ts'
import type { GivenOption } from './given-option.ts'
import { CREDENTIAL, CREDENTIALS_VARIABLE } from './credentials.ts'
import { installationOf, modelPath, programPath, shownPaths } from './hidden-paths.ts'
import { ServiceError } from './service-error.ts'
import { SYSTEM_STATE, type ServiceFiles } from './service-files.ts'
import { MEMORY_BESIDE_SERVER, MEMORY_WITH_ENGINE } from './service-limits.ts'
import type { Credential, RunArgument, Scope, UnitSettings } from './unit-settings.ts'

/** What the owner wants, already checked as `run` would. */
export interface ServiceWish {
  readonly scope: Scope
  readonly given: readonly GivenOption[]
  /** The engine runs in the agent or is started by it: `--model` names files, not models of a server. */
  readonly ownEngine: boolean
  /** The agent uses the GPU, or is to see it. */
  readonly gpu: boolean
  readonly graceSeconds: number
  readonly memoryMax?: string
  readonly environment: Readonly<Record<string, string>>
  /** The user's service: where `run` would keep key and receipts. */
  readonly dataRoot: string
}

/** What a unit depends on of the machine it is for. */
export interface ServiceHost {
  /** What paths are relative to. */
  readonly folder: string
  readonly node: string
  readonly script: string
  readonly systemd: number
  readonly gpuGroups: readonly string[]
  readonly files: ServiceFiles
  readonly exists: (path: string) => boolean
}

export interface ServicePlan {
  readonly settings: UnitSettings
  /** To be kept in a file that only its owner reads. */
  readonly engineKey?: string
  /** What the service reads as a user without rights. */
  readonly reads: readonly string[]
}

/** Files that only their owner can read. */
const SECRET_FILES: ReadonlyMap<string, Credential['name']> = new Map([
  ['lndCert', CREDENTIAL.lndCert],
  ['lndMacaroon', CREDENTIAL.lndMacaroon],
])

/**
 * Turns what the owner wants into the unit's settings: paths become absolute, secrets credentials. Throws
 * {@link ServiceError}.
 */
export function planService(wish: ServiceWish, host: ServiceHost): ServicePlan {
  assertPossible(wish, host)
  const isSystem = wish.scope === 'system'
  const options = wish.given.filter(({ name }) => name !== 'engineKey' && name !== 'data')
  const arranged = options.map((option) => arrange(option, wish, host))
  const engineKey = wish.given.findLast(({ name }) => name === 'engineKey')?.value
  const own = isSystem
    ? [{ name: CREDENTIAL.agentKey, path: `${host.files.secrets}/agent/key.pem` }]
    : []
  const ofEngine =
    engineKey === undefined ? [] : [{ name: CREDENTIAL.engineKey, path: host.files.engineKey }]
  const reads = [
    installationOf(host.script, host.exists),
    host.node,
    ...arranged.flatMap(({ read }) => read ?? []),
  ]
  const credentials = [
    ...own,
    ...ofEngine,
    ...arranged.flatMap(({ credential }) => credential ?? []),
  ]
  const names = credentials.map(({ name }) => name).join(' ')
  const settings: UnitSettings = {
    scope: wish.scope,
    systemd: host.systemd,
    node: host.node,
    script: host.script,
    arguments: [
      ...arranged.map(({ argument }) => argument),
      ...(isSystem ? [] : [{ text: `--data=${wish.dataRoot}` }]),
    ],
    environment: {
      // What agent.json said is among the arguments: another setup must not change the half of it.
      [SETTINGS_VARIABLE]: NO_SETTINGS,
      ...(isSystem ? SYSTEM_ENVIRONMENT : {}),
      ...(names === '' ? {} : { [CREDENTIALS_VARIABLE]: names }),
      ...wish.environment,
    },
    credentials,
    shownPaths: isSystem ? shownPaths(reads) : [],
    gpu: wish.gpu,
    groups: wish.gpu ? host.gpuGroups : [],
    ownEngine: wish.ownEngine,
    sandboxed: SANDBOXES.has(lastOf(wish.given, 'sandbox')),
    graceSeconds: wish.graceSeconds,
    ...(isSystem ? {} : { dataRoot: wish.dataRoot }),
    memoryMax: wish.memoryMax ?? (wish.ownEngine ? MEMORY_WITH_ENGINE : MEMORY_BESIDE_SERVER),
  }
  return {
    settings,
    ...(engineKey === undefined ? {} : { engineKey }),
    reads: isSystem ? [host.script, ...reads] : [],
  }
}

/** A dynamic user has no home; engines keep their caches in one. */
const SYSTEM_ENVIRONMENT = { INFERNET_DATA: SYSTEM_STATE, HOME: SYSTEM_STATE }

/** Those that can be had in the service, where `auto` comes to bwrap. */
const SANDBOXES: ReadonlySet<string | undefined> = new Set(['auto', 'bwrap'])

const lastOf = (given: readonly GivenOption[], name: string): string | undefined =>
  given.findLast((option) => option.name === name)?.value

/** Containers need rights of root or programs that give them, and the service can have neither. */
function assertNoContainer(given: readonly GivenOption[]): void {
  const sandbox = lastOf(given, 'sandbox')
  const wanted = sandbox === 'podman' || sandbox === 'docker' || lastOf(given, 'sandboxRuntime')
  if (!wanted) return
  throw new ServiceError(
    'bad_options',
    'a container cannot be started in the service, which may not get rights that it lacks: say --sandbox bwrap, without --sandbox-runtime; or run the agent by hand for --sandbox podman',
  )
}

function assertPossible({ scope, given }: ServiceWish, { script, files }: ServiceHost): void {
  assertNoContainer(given)
  if (/\/_npx\//.test(script))
    throw new ServiceError(
      'bad_options',
      `npx keeps the agent in ${dirname(script)}, where npm may delete it: install it first, then say 'infernet-agent service install' again`,
      { next: 'npm install --global infernet-agent' },
    )
  if (scope === 'system' && given.some(({ name }) => name === 'data'))
    throw new ServiceError(
      'bad_options',
      `--data is not for the system's service, which keeps its key in ${files.secrets} and its receipts in ${SYSTEM_STATE}; to go on with a key that you have: service install --key DIRECTORY/agent/key.pem`,
    )
}

interface Arranged {
  readonly argument: RunArgument
  readonly credential?: Credential
  readonly read?: string
}

function arrange(option: GivenOption, wish: ServiceWish, host: ServiceHost): Arranged {
  const { name, flag, value } = option
  if (value === undefined) return { argument: { text: flag } }
  if (name === 'model' && wish.ownEngine) {
    const [, alias = '', file = ''] = /^([^=]*=)?(.*)$/s.exec(value) ?? []
    const path = resolve(host.folder, file)
    return { argument: { text: `${flag}=${alias}${path}` }, read: modelPath(path) }
  }
  if (!isNamedFile(flag.slice(2), value)) return { argument: { text: `${flag}=${value}` } }
  const path = resolve(host.folder, value)
  const credential = wish.scope === 'system' ? SECRET_FILES.get(name) : undefined
  if (credential !== undefined)
    return { argument: { flag, credential }, credential: { name: credential, path } }
  const read = name === 'engineProgram' ? programPath(path) : path
  return { argument: { text: `${flag}=${path}` }, read }
}
