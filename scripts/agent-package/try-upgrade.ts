// What an owner of a packed agent sees of a new version: it is refused as long as it is not the publisher's, and then
// takes the old one's place while a job runs.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EXIT } from '@infernet/provider-agent/exit-codes'
import type { FakeEdge } from '@infernet/provider-agent/testing/fake-edge'
import { layoutOf } from '@infernet/provider-agent/upgrade/installation'
import { RELEASE_FILE, releaseSchema, signRelease } from '@infernet/provider-agent/upgrade/release'
import { AGENT_VERSION } from '@infernet/provider-agent/version'
import { FRAME } from '@infernet/schemas/frame'
import { newSigner, type Signer } from '@infernet/schemas/testing/signer'
import { writeRelease } from './write-release.ts'

/** A machine with a packed agent, which takes releases of `signer` alone, from `releases`. */
export interface OwnersMachine {
  /** Emptied at the end. */
  readonly folder: string
  readonly installed: string
  readonly edge: FakeEdge
  readonly signer: Signer
  /** A folder. */
  readonly releases: string
  start(args: readonly string[]): ChildProcess
  /** Rejects unless it ends with `code`, and says that. */
  expectRun(args: readonly string[], code: number, says: string): Promise<void>
}

const NEXT = AGENT_VERSION.replace(/\d+$/, (patch) => String(Number(patch) + 1))
const UPGRADE = ['upgrade', '--yes'] as const
/** The agent may have so much of an answer in flight. */
const WINDOW_BYTES = 500

/** Writes a release of this version, or another, whose package trusts `trusted`. `publishedAt` in ms since the epoch. */
export const publish = (
  folder: string,
  signers: readonly Signer[],
  trusted: Signer,
  { version = AGENT_VERSION, publishedAt = 1 } = {},
): Promise<void> =>
  writeRelease({
    folder,
    version,
    signers,
    trusted: [trusted.peer],
    releases: folder,
    notes: `${version} of a test.`,
    publishedAt,
  })

/** Upgrades the agent, and goes back. Rejects with what went wrong. */
export async function tryUpgrade(machine: OwnersMachine): Promise<void> {
  const { expectRun, releases, signer } = machine
  const begun = performance.now()
  await expectRun(['upgrade', '--check'], EXIT.ok, `${AGENT_VERSION} is the newest`)
  const successor = newSigner()
  const next = { version: NEXT, publishedAt: 2 }
  await publish(releases, [signer, successor], successor, next)
  await expectRun(['upgrade', '--check'], EXIT.newerRelease, `${NEXT} of a test.`)
  await expectRun(['upgrade'], EXIT.usage, 'say --yes')
  await refuseForgeries(machine)
  await killOne(machine)
  await upgradeDuringAJob(machine)
  await changeKey(machine, successor)
  await expectRun(['upgrade', '--back'], EXIT.ok, `${AGENT_VERSION} runs again`)
  await expectRun(['version'], EXIT.ok, `${AGENT_VERSION}\n`)
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  console.log(`agent package: forgeries refused, upgraded during a job, and back, in ${seconds} s`)
}

async function refuseForgeries({ expectRun, folder, releases, signer }: OwnersMachine) {
  const release = readFileSync(join(releases, RELEASE_FILE), 'utf8')
  const said = saidIn(release)
  const of = (name: string, text: string | Uint8Array): string => {
    const place = join(folder, name)
    cpSync(releases, place, { recursive: true })
    writeFileSync(join(place, RELEASE_FILE), text)
    return place
  }
  const refused = (place: string, says: string): Promise<void> =>
    expectRun([...UPGRADE, '--from', place], EXIT.badRelease, says)
  await refused(of('other-key', signRelease(said, [newSigner()])), '--key 12D3KooW')
  await refused(of('forged', release.replace('of a test', 'of a thief')), 'tell its publisher')
  const older = signRelease({ ...said, version: '0.0.1' }, [signer])
  await refused(of('older', older), '--allow-downgrade --yes')
  await refused(
    of('replayed', signRelease({ ...said, published_at: 0 }, [signer])),
    'an old release',
  )
  const changed = of('changed', release)
  writeFileSync(join(changed, said.file), 'x', { flag: 'a' })
  await refused(changed, 'is not the package that was signed')
  await expectRun(['version'], EXIT.ok, `${AGENT_VERSION}\n`)
}

const saidIn = (release: string) =>
  releaseSchema.omit({ v: true, name: true, keys: true }).strip().parse(JSON.parse(release))

/** From now on releases of the new key are taken, and no longer those of the old one alone. */
async function changeKey({ expectRun, releases, signer }: OwnersMachine, successor: Signer) {
  const file = join(releases, RELEASE_FILE)
  const said = saidIn(readFileSync(file, 'utf8'))
  writeFileSync(file, signRelease(said, [successor]))
  await expectRun(UPGRADE, EXIT.ok, `${NEXT} is the newest`)
  writeFileSync(file, signRelease(said, [signer]))
  await expectRun(UPGRADE, EXIT.badRelease, `trusted is ${successor.peer}`)
}

/** While npm unpacks. */
async function killOne({ start, expectRun, installed }: OwnersMachine): Promise<void> {
  const child = start(UPGRADE)
  const closed = once(child, 'close')
  const isUnpacking = (): boolean =>
    readdirSync(installed).some((name) => existsSync(join(installed, name, 'npm')))
  while (!isUnpacking() && child.exitCode === null) await pause(1)
  child.kill('SIGKILL')
  await closed
  if (child.signalCode !== 'SIGKILL') throw new Error('it was too fast to be killed')
  await expectRun(['version'], EXIT.ok, `${AGENT_VERSION}\n`)
}

async function upgradeDuringAJob(machine: OwnersMachine): Promise<void> {
  const { edge, expectRun, installed, start } = machine
  edge.options = { ...edge.options, windowBytes: WINDOW_BYTES }
  const count = edge.sessions.filter(({ hello }) => hello !== undefined).length
  const run = ['run', '--edge', edge.url, '--engine', 'tiny'] as const
  const old = start(run)
  const ended = once(old, 'close')
  const session = await edge.session(count + 1)
  session.give(1, { model: 'infernet-demo', messages: [{ role: 'user', content: 'hello' }] })
  await session.until(() => session.of(1, FRAME.data)[0], 'data')
  const upgrading = expectRun(UPGRADE, EXIT.ok, 'has finished its jobs and ended')
  const { launcher } = layoutOf(installed)
  while (!readFileSync(launcher, 'utf8').includes(NEXT)) await pause(10)
  // The rest of the answer comes from an agent whose successor is in place.
  while (session.of(1, FRAME.end).length === 0) {
    session.credit(1, WINDOW_BYTES)
    await pause(10)
  }
  const [, { end }] = await Promise.all([upgrading, session.answer(1), ended])
  if (end === undefined || old.exitCode !== EXIT.ok) throw new Error('the job was lost')
  await expectRun(['version'], EXIT.ok, `${NEXT}\n`)
  const next = start(run)
  const later = await edge.session(count + 2)
  await expectRun(['status', '--json'], EXIT.ok, `"version":"${NEXT}"`)
  later.socket.close()
  next.kill('SIGKILL')
  await once(next, 'close')
}
