import { homedir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isPeerId, type PeerId } from '@infernet/schemas/peer-id'
import { InvalidArgumentError, type Command } from 'commander'
import { EXIT, OwnerError, type ExitCode } from '../exit-codes.ts'
import { runCommand } from '../service/command.ts'
import { fetchRelease } from '../upgrade/fetch-release.ts'
import { alone, installRelease } from '../upgrade/install-release.ts'
import { installationWith, type Installation } from '../upgrade/installation.ts'
import { assertMayInstall, standingOf } from '../upgrade/judge-release.ts'
import { OWN_RELEASE, ownRelease } from '../upgrade/own-release.ts'
import { ownServices, type OwnService } from '../upgrade/own-services.ts'
import { goBack, sweep } from '../upgrade/place-version.ts'
import { readRelease, type Release } from '../upgrade/release.ts'
import { releasePlace, type ReleasePlace } from '../upgrade/release-place.ts'
import { UpgradeError, type UpgradeErrorCode } from '../upgrade/upgrade-error.ts'
import { RELEASE_TIMEOUT_MS } from '../upgrade/upgrade-limits.ts'
import { asRoot } from './as-root.ts'
import { DATA_OPTION, JSON_OPTION, type ControlFlags } from './control-asks.ts'
import { terminal } from './terminal.ts'
import { untilStopped } from './until-stopped.ts'
import { bringOver } from './upgrade-restart.ts'
import { doneText, foundText, type UpgradeResult } from './upgrade-text.ts'
import { saysYes } from './yes-or-no.ts'

interface UpgradeFlags extends ControlFlags {
  readonly from?: string
  readonly key?: PeerId
  readonly check?: boolean
  readonly yes?: boolean
  readonly allowDowngrade?: boolean
  readonly back?: boolean
}

/** Adds `upgrade` to the program. */
export function addUpgradeCommand(program: Command): void {
  program
    .command('upgrade')
    .description(
      'have the newest release run, whose signature is checked; running jobs finish first',
    )
    .option('--from <place>', 'where releases are: an https URL, or a directory')
    .option(
      '--key <peer>',
      'trust releases of this key instead of those that the package names',
      peer,
    )
    .option('--check', `only say what is there: exit code ${EXIT.newerRelease} if it is later`)
    .option('--back', 'have the version before run again')
    .option('--yes', 'do not ask')
    .option('--allow-downgrade', 'also to an older version; needs --yes')
    .option(...DATA_OPTION)
    .option(...JSON_OPTION)
    .action((flags: UpgradeFlags) => ownersFault(() => upgrade(flags)))
}

async function upgrade(flags: UpgradeFlags): Promise<void> {
  const stopping = untilStopped().signal
  const installed = installationWith(fileURLToPath(OWN_RELEASE))
  await (flags.back ? back(flags, installed, stopping) : forward(flags, installed, stopping)).catch(
    (error: unknown) => {
      if (!stopping.aborted) throw error
      throw new OwnerError(
        EXIT.interrupted,
        'stopped; infernet-agent version says what is installed',
      )
    },
  )
}

type Installed = Installation & { readonly version: string }

async function forward(
  flags: UpgradeFlags,
  installed: Installed,
  stopping: AbortSignal,
): Promise<void> {
  const { place, release, standing } = await lookUp(flags, installed, stopping)
  const found = { from: installed.version, to: release.version, release }
  if (standing === 'same') {
    // Of an upgrade that was killed, agents may be left that still run the version before.
    const brought = flags.check ? {} : await restartLeft(flags, installed, stopping)
    return say(flags, { ...found, state: 'current', ...brought })
  }
  if (flags.check) {
    process.exitCode = EXIT.newerRelease
    return say(flags, { ...found, state: 'available' })
  }
  const services = assertMayRestart(await servicesOf(installed))
  await assertWanted(flags, found, stopping)
  await put(flags, { release, place, installed, stopping })
  const over = { services, flags, launcher: installed.launcher, version: release.version, stopping }
  const brought = await bringOver(over, () => undo(installed))
  // Not before: our agents may have run an older one. What cannot be removed is left to the next upgrade.
  await alone(installed, () => sweep(installed)).catch(() => {})
  say(flags, { ...found, state: 'upgraded', ...brought })
}

async function back(
  flags: UpgradeFlags,
  installed: Installed,
  stopping: AbortSignal,
): Promise<void> {
  const { launcher } = installed
  const services = assertMayRestart(await servicesOf(installed))
  const found = await alone(installed, () => goBack(installed))
  const over = { services, flags, launcher, version: found.to, stopping }
  const brought = await bringOver(over, () => undo(installed))
  say(flags, { ...found, state: 'back', ...brought })
}

const undo = (installed: Installed): Promise<void> => alone(installed, () => void goBack(installed))

async function restartLeft(flags: UpgradeFlags, installed: Installed, stopping: AbortSignal) {
  const { launcher, version } = installed
  const services = (await servicesOf(installed)).filter(mayRestart)
  return bringOver({ services, flags, launcher, version, stopping })
}

/** The release that is there: it holds, and may be installed unless it is already. */
async function lookUp(flags: UpgradeFlags, installed: Installed, stopping: AbortSignal) {
  const own = ownRelease()
  const place = placeOf(flags, own.releases)
  const trusted = trustedKeys(flags, own.keys)
  const { allowDowngrade = false, yes = false } = flags
  if (allowDowngrade && !yes) throw new OwnerError(EXIT.usage, '--allow-downgrade needs --yes')
  const bytes = await fetchRelease(place, RELEASE_TIMEOUT_MS, stopping)
  const release = await readRelease(bytes, trusted)
  const present = { version: installed.version, publishedAt: own.published_at }
  const standing = standingOf(release, present)
  const { node } = process.versions
  if (standing !== 'same') assertMayInstall(release, present, { node, allowDowngrade })
  return { place, release, standing }
}

async function put(
  { json }: UpgradeFlags,
  options: {
    readonly release: Release
    readonly place: ReleasePlace
    readonly installed: Installed
    readonly stopping: AbortSignal
  },
): Promise<void> {
  const to = terminal(json ? process.stderr : process.stdout)
  try {
    const onProgress = (doing: string): void => to.spin(doing)
    await installRelease({ ...options, signal: options.stopping, onProgress })
  } finally {
    to.spin(undefined)
  }
}

function placeOf({ from }: UpgradeFlags, own: string | undefined): ReleasePlace {
  const text = from ?? own
  if (text !== undefined) return releasePlace(text)
  throw new UpgradeError(
    'no_address',
    'this package does not say where its releases are: name the URL, or a directory',
    { next: 'infernet-agent upgrade --from URL' },
  )
}

function trustedKeys({ key }: UpgradeFlags, own: readonly PeerId[]): readonly PeerId[] {
  if (key !== undefined) return [key]
  if (own.length > 0) return own
  throw new UpgradeError(
    'no_key',
    'this package does not say whose releases to trust: name the key of its publisher, if you know it; else install the new version by hand',
    { next: 'infernet-agent upgrade --from URL --key PEER' },
  )
}

const servicesOf = ({ launcher }: Installed): Promise<OwnService[]> =>
  ownServices(launcher, runCommand, process.env, homedir())

const mayRestart = ({ scope }: OwnService): boolean => scope === 'user' || process.getuid?.() === 0

/** Before anything is changed. */
function assertMayRestart(services: readonly OwnService[]): readonly OwnService[] {
  if (services.every(mayRestart)) return services
  throw new OwnerError(
    EXIT.usage,
    "the machine's service runs this agent, and it has to be restarted: say it again with sudo",
    { next: asRoot(process.argv.slice(2)) },
  )
}

/** Shows what is coming, and asks. */
async function assertWanted(
  { json, yes }: UpgradeFlags,
  found: { readonly from: string; readonly release: Release },
  signal: AbortSignal,
): Promise<void> {
  const isAsked = yes !== true
  if (isAsked && !process.stdin.isTTY) {
    throw new OwnerError(EXIT.usage, 'nobody can be asked here: say --yes', {
      next: 'infernet-agent upgrade --yes',
    })
  }
  if (isAsked || !json) (isAsked ? process.stderr : process.stdout).write(`${foundText(found)}\n`)
  if (!isAsked || (await saysYes(`upgrade from ${found.from}?`, signal))) return
  throw new OwnerError(EXIT.interrupted, 'left as it is')
}

function say({ json, data }: UpgradeFlags, result: UpgradeResult): void {
  if (!json) return console.log(doneText(result, data))
  const { release, services = [], drained = false, ...rest } = result
  const about = release && { published_at: release.published_at, notes: release.notes }
  console.log(JSON.stringify({ ...rest, ...about, services, drained }))
}

function peer(text: string): PeerId {
  if (isPeerId(text)) return text
  throw new InvalidArgumentError('Expected a key’s public name, 12D3KooW…')
}

const CODES: Readonly<Record<UpgradeErrorCode, ExitCode>> = {
  no_key: EXIT.usage,
  no_address: EXIT.usage,
  bad_address: EXIT.usage,
  not_ours: EXIT.usage,
  no_previous: EXIT.usage,
  malformed: EXIT.badRelease,
  wrong_key: EXIT.badRelease,
  bad_signature: EXIT.badRelease,
  changed: EXIT.badRelease,
  older: EXIT.badRelease,
  replayed: EXIT.badRelease,
  unreachable: EXIT.notUpgraded,
  old_node: EXIT.notUpgraded,
  busy: EXIT.notUpgraded,
  not_installed: EXIT.notUpgraded,
}

async function ownersFault(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof UpgradeError)) throw error
    const { code, message, next } = error
    throw new OwnerError(CODES[code], message, next === undefined ? {} : { next })
  }
}
