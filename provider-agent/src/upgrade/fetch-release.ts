import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fetchReason } from '../error-message.ts'
import { RELEASE_FILE, type Release } from './release.ts'
import { placeText, redirectTarget, type ReleasePlace } from './release-place.ts'
import { UpgradeError } from './upgrade-error.ts'
import { MAX_REDIRECTS, MAX_RELEASE_BYTES, TARBALL_TIMEOUT_MS } from './upgrade-limits.ts'

/** The bytes of the release there, as they are, within `timeoutMs`. Rejects with {@link UpgradeError}. */
export async function fetchRelease(
  place: ReleasePlace,
  timeoutMs: number,
  stopping: AbortSignal,
): Promise<Uint8Array> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)])
  return reached(place, RELEASE_FILE, async () => {
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of await bytesAt(place, RELEASE_FILE, signal)) {
      length += chunk.length
      if (length > MAX_RELEASE_BYTES) {
        throw new UpgradeError('malformed', `${placeText(place)}: the release there is too long`)
      }
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  })
}

/**
 * Puts the package of a release at `path`, a new file, and never writes more than was signed. Rejects with
 * {@link UpgradeError}, `changed` when it is another.
 */
export async function fetchPackage(
  place: ReleasePlace,
  release: Pick<Release, 'file' | 'bytes' | 'sha256'>,
  path: string,
  stopping: AbortSignal,
): Promise<void> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(TARBALL_TIMEOUT_MS)])
  const file = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  let length = 0
  try {
    await reached(place, release.file, async () => {
      for await (const chunk of await bytesAt(place, release.file, signal)) {
        length += chunk.length
        if (length > release.bytes) throw changed(release)
        hash.update(chunk)
        await file.appendFile(chunk)
      }
    })
  } finally {
    await file.close()
  }
  if (length !== release.bytes || hash.digest('hex') !== release.sha256) throw changed(release)
}

const changed = ({ file }: Pick<Release, 'file'>): UpgradeError =>
  new UpgradeError(
    'changed',
    `${file} is not the package that was signed: do not use it. It may be half uploaded: try again in a minute, else tell its publisher`,
  )

async function reached<T>(place: ReleasePlace, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof UpgradeError) throw cause
    throw new UpgradeError(
      'unreachable',
      `cannot fetch ${name} from ${placeText(place)}: ${fetchReason(cause)}. Check the address (--from), then say it again`,
      { cause },
    )
  }
}

async function bytesAt(
  place: ReleasePlace,
  name: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  if (place.kind === 'web') return download(new URL(name, place.url), signal)
  const path = join(place.path, name)
  if (!(await stat(path)).isFile()) throw new Error('it is not a file')
  return createReadStream(path, { signal })
}

async function download(from: URL, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  let url = from
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await fetch(url, { redirect: 'manual', signal })
    const isMoved = response.status >= 300 && response.status < 400
    if (response.ok && response.body !== null) return response.body
    await response.body?.cancel()
    if (!isMoved) throw new Error(`HTTP ${response.status}`)
    url = redirectTarget(url, response.headers.get('location'))
  }
  throw new Error('it leads from one address to the next')
}
