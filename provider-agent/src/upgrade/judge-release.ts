import { UpgradeError } from './upgrade-error.ts'
import type { Release } from './release.ts'
import { compareVersions } from './version-order.ts'

/** What is installed here. */
export interface InstalledVersion {
  readonly version: string
  /** ms since the epoch; undefined where the package does not say. */
  readonly publishedAt: number | undefined
}

/** A release beside what is installed. */
export type Standing = 'newer' | 'same' | 'older' | 'replayed'

/**
 * `replayed`: a later version that was published before the installed one. Nobody publishes so: somebody shows an
 * old page, or numbers were given twice.
 */
export function standingOf(
  release: Pick<Release, 'version' | 'published_at'>,
  { version, publishedAt }: InstalledVersion,
): Standing {
  const order = compareVersions(release.version, version)
  if (order === 0) return 'same'
  if (order < 0) return 'older'
  return release.published_at < (publishedAt ?? 0) ? 'replayed' : 'newer'
}

/** Throws {@link UpgradeError} where a release may not take the installed version's place. `node` such as `20.12.0`. */
export function assertMayInstall(
  release: Release,
  installed: InstalledVersion,
  { node, allowDowngrade }: { readonly node: string; readonly allowDowngrade: boolean },
): void {
  const standing = standingOf(release, installed)
  const { version } = release
  if (standing === 'older' && !allowDowngrade) {
    throw new UpgradeError(
      'older',
      `the release there is ${version}, and ${installed.version} is installed: ask its publisher why. If you want the older one: --allow-downgrade --yes; for the version that you had before: infernet-agent upgrade --back`,
    )
  }
  if (standing === 'replayed' && !allowDowngrade) {
    throw new UpgradeError(
      'replayed',
      `${version} was published before ${installed.version}, which is installed: somebody may be showing you an old release. Ask its publisher; to install it all the same: --allow-downgrade --yes`,
    )
  }
  if (compareVersions(node, release.node) < 0) {
    throw new UpgradeError(
      'old_node',
      `${version} needs Node ${release.node}, and this is ${node}: install Node 24 from https://nodejs.org, then say it again`,
    )
  }
}
