import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { dataDir } from '../data-dir.ts'
import { findProgram } from '../engines/managed/find-program.ts'
import { EXIT } from '../exit-codes.ts'
import { runCommand } from '../service/command.ts'
import type { GivenOption } from '../service/given-option.ts'
import { gpuGroupsIn, hasGpuFiles } from '../service/gpu-access.ts'
import { install, uninstall } from '../service/install.ts'
import { homeIn } from '../service/owners-home.ts'
import { planService, type ServiceHost, type ServiceWish } from '../service/plan-service.ts'
import type { ReadMode } from '../service/readable.ts'
import { dataRootIn, renderUnit } from '../service/render-unit.ts'
import { ServiceError } from '../service/service-error.ts'
import {
  serviceFiles,
  SYSTEM_STATE,
  SYSTEM_STATE_BEHIND,
  type ServiceFiles,
} from '../service/service-files.ts'
import { OLDEST_SYSTEMD } from '../service/service-limits.ts'
import { Systemd } from '../service/systemd.ts'
import type { Scope } from '../service/unit-settings.ts'
import { asRoot } from './as-root.ts'
import { JSON_OPTION } from './control-asks.ts'
import { engineKind } from './engine-options.ts'
import type { ManagedFlags } from './managed-options.ts'
import { readRunArguments } from './run-arguments.ts'
import { settingsPath, type SettledFrom } from './run-settings.ts'
import { ownersFault } from './service-fault.ts'
import { usesGpu } from './service-gpu.ts'
import { stateText, tool } from './service-text.ts'

interface ScopeFlags {
  readonly user?: boolean
  readonly json?: boolean
}

interface UnitFlags extends ScopeFlags {
  readonly edge?: string
  readonly gpu?: boolean
  readonly memoryMax?: string
  readonly env?: Readonly<Record<string, string>>
}

const USER = ['--user', 'of this user, without root, instead of the whole machine’s'] as const

/** Adds `service install`, `uninstall`, `unit` and `status` to the program. */
export function addServiceCommand(program: Command): void {
  const service = program.command('service').description('run the agent under systemd')
  addUnitOptions(
    service.command('install').description('write the unit, start it now and with the machine'),
  )
    .option('--key <file>', 'the provider’s key, where you have one already (default: a new one)')
    .action((args: string[], flags: UnitFlags & { readonly key?: string }) =>
      ownersFault(() => installService(args, flags)),
    )
  addUnitOptions(
    service.command('unit').description('show the unit that install would write'),
  ).action((args: string[], flags: UnitFlags) => ownersFault(() => showUnit(args, flags)))
  service
    .command('uninstall')
    .description('drain, stop and remove the service; its key and receipts stay')
    .option(...USER)
    .option('--purge', 'delete its key and receipts too: name and unpaid earnings are lost')
    .option(...JSON_OPTION)
    .action((flags: ScopeFlags & { readonly purge?: boolean }) =>
      ownersFault(() => uninstallService(flags)),
    )
  service
    .command('status')
    .description(`show how the service is: exit code 0 if it runs, ${EXIT.notServing} if not`)
    .option(...USER)
    .option(...JSON_OPTION)
    .action((flags: ScopeFlags) => ownersFault(() => showState(flags)))
}

const addUnitOptions = (command: Command): Command =>
  command
    .usage('[options] [-- OPTIONS OF RUN]')
    .argument('[options...]', 'after --, the options of run, such as --engine-url')
    .option(...USER)
    .option('--edge <url>', 'the edge')
    .option('--gpu', 'let it see the GPU wherever its engine is')
    .option('--no-gpu', 'keep the GPU from it (default: by the engine)')
    .option('--memory-max <size>', 'memory it may use, such as 2G or 80%', memorySize)
    .option('--env <NAME=value>', 'a variable for its environment; may be said again', variable)
    .option(...JSON_OPTION)

async function installService(
  args: readonly string[],
  flags: UnitFlags & { readonly key?: string },
): Promise<void> {
  const scope = scopeOf(flags)
  const { wish, settings } = wishOf(args, flags)
  assertMay(scope)
  const systemd = new Systemd(scope, runCommand)
  const files = filesOf(scope)
  const plan = planService(wish, hostOf(scope, await systemd.version()))
  const key = flags.key ?? chosenKey(settings, files, scope)
  const { dataRoot } = wish
  const options = { dataRoot, readMode, ...(key === undefined ? {} : { key }) }
  const { peer, isUp } = await install(plan, files, systemd, options).catch((error: unknown) =>
    withLastWords(error, systemd),
  )
  const used = settings === undefined ? {} : { settings: settings.path }
  if (flags.json) console.log(JSON.stringify({ unit: files.unit, peer, up: isUp, ...used }))
  else console.log(installedText(scope, files.unit, peer, isUp, settings))
}

/** The key of whoever ran `setup`, for a service of the machine that has none yet: it goes on in that name. */
function chosenKey(
  settings: SettledFrom | undefined,
  { secrets }: ServiceFiles,
  scope: Scope,
): string | undefined {
  if (settings === undefined || scope === 'user') return undefined
  const key = join(dirname(settings.path), 'agent', 'key.pem')
  const isNew = !existsSync(join(secrets, 'agent', 'key.pem'))
  return isNew && existsSync(key) ? key : undefined
}

/** The unit is there and systemd goes on trying; why it does not start only the agent has said. */
async function withLastWords(error: unknown, systemd: Systemd): Promise<never> {
  if (!(error instanceof ServiceError) || error.code !== 'refused') throw error
  const said = (await systemd.journal()).map((line) => `\n  ${line}`).join('')
  const remedy = 'say install again with other options, or: infernet-agent service uninstall'
  throw new ServiceError('refused', `${error.message}${said}`, { cause: error, next: remedy })
}

function installedText(
  scope: Scope,
  unit: string,
  peer: string,
  isUp: boolean,
  settings: SettledFrom | undefined,
): string {
  const user = scope === 'user' ? ' --user' : ''
  const linger = `→ so that it runs while you are not logged in: loginctl enable-linger`
  return [
    `${isUp ? 'runs' : 'still starting'}: ${peer}`,
    `unit: ${unit}`,
    ...(settings === undefined
      ? []
      : [`options: ${settings.path}; after a new setup, install again`]),
    `→ infernet-agent service status${user}`,
    `→ ${tool('journalctl', scope)} -u infernet-agent -f`,
    ...(scope === 'user' ? [linger] : []),
  ].join('\n')
}

async function showUnit(args: readonly string[], flags: UnitFlags): Promise<void> {
  const scope = scopeOf(flags)
  const { wish } = wishOf(args, flags)
  // A preview is for other machines as well: without a systemd that answers it is for the oldest.
  const version = await new Systemd(scope, runCommand).version().catch(() => OLDEST_SYSTEMD)
  const text = renderUnit(planService(wish, hostOf(scope, version)).settings)
  const { unit } = filesOf(scope)
  if (flags.json) console.log(JSON.stringify({ unit, text }))
  else process.stdout.write(text)
}

async function uninstallService(flags: ScopeFlags & { readonly purge?: boolean }): Promise<void> {
  const scope = scopeOf(flags)
  assertMay(scope)
  const systemd = new Systemd(scope, runCommand)
  await systemd.version()
  const files = filesOf(scope)
  const { purge = false } = flags
  const state = scope === 'system' ? [SYSTEM_STATE_BEHIND, SYSTEM_STATE] : dataOfUnit(files.unit)
  const result = await uninstall(files, systemd, { purge, own: [files.secrets, ...state] })
  if (flags.json) return console.log(JSON.stringify(result))
  const { removed, kept } = result
  if (removed.length === 0) console.log('there was no service')
  for (const path of removed) console.log(`removed ${path}`)
  for (const path of kept) console.log(`kept ${path}`)
}

/** Of a user's service: shared with an agent that is run by hand, so only what a unit names. */
function dataOfUnit(unit: string): string[] {
  const root = existsSync(unit) ? dataRootIn(readFileSync(unit, 'utf8')) : undefined
  return root === undefined ? [] : [join(root, 'agent')]
}

async function showState(flags: ScopeFlags): Promise<void> {
  const scope = scopeOf(flags)
  const systemd = new Systemd(scope, runCommand)
  const state = await systemd.state()
  const journal = state.installed ? await systemd.journal() : []
  if (flags.json) console.log(JSON.stringify({ ...state, journal }))
  else console.log(stateText(state, journal, scope, Date.now()))
  process.exitCode = state.active === 'active' ? EXIT.ok : EXIT.notServing
}

interface Wished {
  readonly wish: ServiceWish
  /** What `setup` has chosen of it. */
  readonly settings: SettledFrom | undefined
}

function wishOf(args: readonly string[], flags: UnitFlags): Wished {
  const edge = flags.edge === undefined ? [] : [`--edge=${flags.edge}`]
  const scope = scopeOf(flags)
  const read = readRunArguments([...edge, ...args], (data) => ownersSettings(data, scope))
  const { flags: run, given, settings } = read
  const wish: ServiceWish = {
    scope,
    given: [...given, ...programFound(run)],
    ownEngine: engineKind(run) !== 'openai-http',
    gpu: flags.gpu ?? (hasGpuFiles() && usesGpu(run)),
    graceSeconds: run.grace,
    ...(flags.memoryMax === undefined ? {} : { memoryMax: flags.memoryMax }),
    environment: flags.env ?? {},
    dataRoot: dataRootOf(run.data),
  }
  return { wish, settings }
}

/** Root has no setup of its own where sudo was used: it is that of the user who did. */
function ownersSettings(data: string | undefined, scope: Scope): string {
  const { SUDO_USER: user, INFERNET_DATA } = process.env
  const isOthers = scope === 'system' && process.getuid?.() === 0 && user !== undefined
  if (!isOthers || data !== undefined || INFERNET_DATA) return settingsPath(data)
  const passwd = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : ''
  const home = homeIn(passwd, user)
  return settingsPath(home && join(home, '.local', 'share', 'infernet'))
}

/** systemd's PATH is not the owner's: an engine that is found there is named. */
function programFound({ manage, engineProgram }: ManagedFlags): GivenOption[] {
  if (manage === undefined || engineProgram !== undefined) return []
  const value = findProgram(manage, undefined, process.env['PATH'])
  return [{ name: 'engineProgram', flag: '--engine-program', value }]
}

const scopeOf = ({ user }: ScopeFlags): Scope => (user === true ? 'user' : 'system')
const filesOf = (scope: Scope): ServiceFiles => serviceFiles(scope, process.env, homedir())
const dataRootOf = (data?: string): string => dirname(dirname(dataDir(data, process.env).outbox))

function hostOf(scope: Scope, systemd: number): ServiceHost {
  return {
    folder: process.cwd(),
    node: process.execPath,
    // Modules are found from where the script is, not from a link to it.
    script: realpathSync(process.argv[1] ?? ''),
    systemd,
    gpuGroups: existsSync('/etc/group') ? gpuGroupsIn(readFileSync('/etc/group', 'utf8')) : [],
    files: filesOf(scope),
    exists: existsSync,
  }
}

const readMode: ReadMode = (path) => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && { isFolder: found.isDirectory(), mode: found.mode }
}

function assertMay(scope: Scope): void {
  if (scope === 'user' || process.getuid?.() === 0) return
  throw new ServiceError(
    'not_root',
    "the machine's services are root's: say it again with sudo, or add --user for a service of your own",
    { next: asRoot(process.argv.slice(2)) },
  )
}

function memorySize(text: string): string {
  if (/^[1-9]\d*[KMGT]$|^[1-9]\d?%$|^100%$/.test(text)) return text
  throw new InvalidArgumentError('Expected a size such as 800M, 2G or 80%.')
}

function variable(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('Expected NAME=value.')
  if (name === 'INFERNET_ENGINE_KEY')
    throw new InvalidArgumentError('Everybody can read a unit: set it where you run install.')
  return { ...before, [name]: value }
}
