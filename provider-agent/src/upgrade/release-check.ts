import { ok, skipped, warning, type Check, type Finding } from '../doctor/check.ts'
import { fetchRelease } from './fetch-release.ts'
import { standingOf } from './judge-release.ts'
import { readRelease } from './release.ts'
import { releasePlace } from './release-place.ts'
import type { OwnRelease } from './own-release.ts'
import { UpgradeError } from './upgrade-error.ts'
import { RELEASE_LOOK_MS } from './upgrade-limits.ts'

/** Whether a later version is there. Without one, or without a network, nothing is wrong. */
export const releaseCheck = (version: string, own: () => OwnRelease): Check => ({
  id: 'release',
  name: 'version',
  run: (signal) => releaseFinding(version, own(), signal),
})

async function releaseFinding(
  version: string,
  { keys, releases, published_at: publishedAt }: OwnRelease,
  signal: AbortSignal,
): Promise<Finding> {
  if (releases === undefined || keys.length === 0)
    return skipped(`${version}; it names no releases`)
  try {
    const bytes = await fetchRelease(releasePlace(releases), RELEASE_LOOK_MS, signal)
    const release = await readRelease(bytes, keys)
    const standing = standingOf(release, { version, publishedAt })
    if (standing !== 'newer') return ok(`${version}, the newest`)
    const day = new Date(release.published_at).toISOString().slice(0, 10)
    return warning(`${version}; ${release.version} is there since ${day}`, 'infernet-agent upgrade')
  } catch (error) {
    if (!(error instanceof UpgradeError)) throw error
    if (error.code === 'unreachable') return skipped(`${version}; ${error.message}`)
    return warning(`${version}; ${error.message}`, `tell whoever publishes at ${releases}`)
  }
}
