import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { newSigner } from '@infernet/schemas/testing/signer'
import { describe, expect, it } from 'vitest'
import { alone, installRelease } from './install-release.ts'
import { installationWith } from './installation.ts'
import { goBack, sweep } from './place-version.ts'
import { readRelease } from './release.ts'
import { releasePlace } from './release-place.ts'
import { saying, smallInstallation, smallRelease } from './testing/small-release.ts'

const PROCESS = join(import.meta.dirname, 'testing', 'upgrade-process.ts')
/** npm runs six times. */
const SLOW_MS = 180_000
const signer = newSigner()
const signal = new AbortController().signal
const refusing = (code: string) => expect.objectContaining({ code }) as Error
type Installed = ReturnType<typeof smallInstallation>

const upgradeArgs = ({ folder }: Installed, path: string): string[] => [
  PROCESS,
  folder,
  path,
  signer.peer,
]

async function install(installed: Installed, from: ReturnType<typeof smallRelease>) {
  const release = await readRelease(from.bytes, [signer.peer])
  await installRelease({ release, place: releasePlace(from.path), installed, signal })
}

/** What the program says that it is, from anywhere. */
const said = (program: string): unknown =>
  JSON.parse(execFileSync(process.execPath, [program, 'version', '--json'], { encoding: 'utf8' }))

const entries = ({ lib, folder }: Installed): string[] =>
  [...readdirSync(lib), ...readdirSync(folder)].toSorted()

const AFTER_UPGRADE = ['1.0.0', '1.1.0', 'infernet-agent.js', 'lib', 'package.json', 'previous.js']

describe('an upgrade', () => {
  it('has the new version run at the old one’s path, keeps that, and goes back and forth', async () => {
    const installed = smallInstallation('1.0.0')
    await install(installed, smallRelease([signer], '1.1.0'))
    expect(entries(installed)).toEqual(AFTER_UPGRADE)
    expect(said(installed.launcher)).toEqual({ version: '1.1.0', args: ['version', '--json'] })
    expect(said(installed.previous)).toMatchObject({ version: '1.0.0' })
    expect(statSync(installed.launcher).mode & 0o777).toBe(0o755)
    expect(goBack(installed)).toEqual({ from: '1.1.0', to: '1.0.0' })
    expect(said(installed.launcher)).toMatchObject({ version: '1.0.0' })
    expect(goBack(installed)).toEqual({ from: '1.0.0', to: '1.1.0' })
    const now = installationWith(join(installed.lib, '1.1.0', 'own-release.json'))
    expect(now).toEqual({ ...installed, version: '1.1.0' })
    await install(now, smallRelease([signer], '1.2.0'))
    // Agents may still run it.
    expect(existsSync(join(installed.lib, '1.0.0'))).toBe(true)
    // As going back that was killed leaves it.
    writeFileSync(join(installed.lib, 'present.js'), '')
    sweep(installed)
    expect(readdirSync(installed.lib).toSorted()).toEqual([
      '1.1.0',
      '1.2.0',
      'infernet-agent.js',
      'previous.js',
    ])
  })

  it(
    'that is killed at any step leaves a version that runs, and the next makes good what it has left',
    async () => {
      const installed = smallInstallation('1.0.0')
      const killedAt = async (step: string, { path }: { readonly path: string }) => {
        const child = spawn(process.execPath, [...upgradeArgs(installed, path), step])
        await once(child, 'close')
        expect(child.signalCode).toBe('SIGKILL')
        return (said(installed.launcher) as { version: string }).version
      }
      const release = smallRelease([signer], '1.1.0')
      for (const step of ['fetched', 'staged', 'placed', 'kept'])
        expect([step, await killedAt(step, release)]).toEqual([step, '1.0.0'])
      expect(await killedAt('switched', release)).toBe('1.1.0')
      expect(entries(installed).some((name) => name.startsWith('.upgrade-'))).toBe(true)
      expect(goBack(installed)).toEqual({ from: '1.1.0', to: '1.0.0' })
      goBack(installed)
      expect(await killedAt('swept', smallRelease([signer], '1.2.0'))).toBe('1.2.0')
      const left = AFTER_UPGRADE.map((name) =>
        name.replace('1.1.0', '1.2.0').replace('1.0.0', '1.1.0'),
      )
      expect(entries(installed).filter((name) => name !== '.upgrade.sock')).toEqual(left)
    },
    SLOW_MS,
  )

  it('that is killed while npm unpacks leaves the old version, and nothing after the next', async () => {
    const installed = smallInstallation('1.0.0')
    const release = smallRelease([signer], '1.1.0')
    const child = spawn(process.execPath, upgradeArgs(installed, release.path))
    const isUnpacking = () =>
      readdirSync(installed.folder).some((name) => existsSync(join(installed.folder, name, 'npm')))
    await expect.poll(isUnpacking, { interval: 2, timeout: 30_000 }).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'close')
    expect(said(installed.launcher)).toMatchObject({ version: '1.0.0' })
    await install(installed, release)
    expect(entries(installed)).toEqual(AFTER_UPGRADE)
  })

  it('leaves the old version, and nothing else, where the new one is changed, does not run, or is another', async () => {
    const installed = smallInstallation('1.0.0')
    const before = entries(installed)
    const changed = smallRelease([signer], '1.1.0')
    writeFileSync(join(changed.path, 'infernet-agent-1.1.0.tgz'), 'x', { flag: 'a' })
    await expect(install(installed, changed)).rejects.toThrow(refusing('changed'))
    const broken = smallRelease([signer], '1.1.0', { program: "throw new Error('no GPU')" })
    await expect(install(installed, broken)).rejects.toThrow('no GPU')
    const other = smallRelease([signer], '1.1.0', { program: saying('1.0.5') })
    await expect(install(installed, other)).rejects.toThrow('it says that it is 1.0.5')
    const renamed = smallRelease([signer], '1.1.0')
    const release = { ...(await readRelease(renamed.bytes, [signer.peer])), version: '1.2.0' }
    const lying = installRelease({ release, place: releasePlace(renamed.path), installed, signal })
    await expect(lying).rejects.toThrow('laid out in a way')
    expect(entries(installed)).toEqual(before)
    expect(() => goBack(installed)).toThrow(refusing('no_previous'))
  })

  it('runs nothing of the package while it is unpacked', async () => {
    const installed = smallInstallation('1.0.0')
    const mark = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'mark')
    const scripts = { preinstall: `touch ${mark}`, postinstall: 'exit 1' }
    await install(installed, smallRelease([signer], '1.1.0', { manifest: { scripts } }))
    expect(existsSync(mark)).toBe(false)
    expect(said(installed.launcher)).toMatchObject({ version: '1.1.0' })
  })

  it('can be read by whoever could read the old version, whatever the umask is', () => {
    const installed = smallInstallation('1.0.0')
    const { path } = smallRelease([signer], '1.1.0')
    const shell = ['-c', 'umask 077; exec "$0" "$@"', process.execPath]
    execFileSync('sh', [...shell, ...upgradeArgs(installed, path)])
    const modeOf = (name: string): number => statSync(join(installed.lib, name)).mode & 0o777
    expect(['1.1.0', 'infernet-agent.js', 'previous.js'].map(modeOf)).toEqual([0o755, 0o755, 0o755])
    expect(modeOf('1.1.0/infernet-agent.js') & 0o044).toBe(0o044)
  })

  it('is one at a time, and says so', async () => {
    const installed = smallInstallation('1.0.0')
    await alone(installed, async () => {
      const { stderr } = spawnSync(
        process.execPath,
        upgradeArgs(installed, smallRelease([signer], '1.1.0').path),
        { encoding: 'utf8' },
      )
      expect(stderr).toContain('under way')
    })
    const release = smallRelease([signer], '1.1.0')
    await install(installed, release)
    await expect(install(installed, release)).rejects.toThrow('upgraded meanwhile')
  })

  it('takes along what the owner has installed besides, where the new version wants another of it', async () => {
    const installed = smallInstallation('1.0.0')
    const shared = join(dirname(installed.folder), 'shared-engine')
    mkdirSync(shared)
    writeFileSync(join(shared, 'package.json'), '{"name":"shared-engine","version":"3.0.0"}')
    await install(
      installed,
      smallRelease([signer], '1.1.0', {
        manifest: { optionalDependencies: { 'shared-engine': '3.0.0', absent: '1.0.0' } },
      }),
    )
    expect(readdirSync(join(installed.lib, '1.1.0'))).toEqual(['infernet-agent.js'])
    const newer = mkdtempSync(join(tmpdir(), 'infernet-'))
    writeFileSync(join(newer, 'package.json'), '{"name":"shared-engine","version":"3.1.0"}')
    const wanting = smallRelease([signer], '1.2.0', {
      manifest: { optionalDependencies: { 'shared-engine': `file:${newer}` } },
    })
    await install({ ...installed, version: '1.1.0' }, wanting)
    expect(
      existsSync(join(installed.lib, '1.2.0', 'node_modules', 'shared-engine', 'package.json')),
    ).toBe(true)
  })
})

describe('an installation', () => {
  it('is none in a checkout, in the cache of npx, or where its program was changed', () => {
    expect(() => installationWith(join(import.meta.dirname, 'own-release.json'))).toThrow(
      expect.objectContaining({ code: 'not_ours', next: 'git pull && npm ci' }),
    )
    const installed = smallInstallation('1.0.0')
    const own = join(installed.lib, '1.0.0', 'own-release.json')
    expect(installationWith(own).version).toBe('1.0.0')
    const npx = mkdtempSync(join(tmpdir(), 'infernet-'))
    cpSync(installed.folder, join(npx, '_npx', 'a'), { recursive: true })
    expect(() => installationWith(join(npx, '_npx', 'a', 'lib', '1.0.0', 'x'))).toThrow('npx')
    chmodSync(installed.launcher, 0o644)
    writeFileSync(installed.launcher, "import './1.0.0/infernet-agent.js'\n// mine\n")
    expect(() => installationWith(own)).toThrow(refusing('not_ours'))
    rmSync(installed.launcher)
    expect(() => installationWith(own)).toThrow(refusing('not_ours'))
  })
})
