// An upgrade in a process of its own, which kills itself at a step: launcher's folder, place, key, version, step.
import { RELEASE_TIMEOUT_MS } from '../upgrade-limits.ts'
import { fetchRelease } from '../fetch-release.ts'
import { installRelease } from '../install-release.ts'
import { layoutOf, versionRunBy } from '../installation.ts'
import { sweep } from '../place-version.ts'
import { peerSchema, readRelease } from '../release.ts'
import { releasePlace } from '../release-place.ts'

const [folder = '', from = '', key, killAt] = process.argv.slice(2)
const { signal } = new AbortController()
const place = releasePlace(from)
const bytes = await fetchRelease(place, RELEASE_TIMEOUT_MS, signal)
const layout = layoutOf(folder)
const version = versionRunBy(layout.launcher) ?? ''
await installRelease({
  release: await readRelease(bytes, [peerSchema.parse(key)]),
  place,
  installed: { ...layout, version },
  signal,
  atStep: (step) => {
    if (step === killAt) process.kill(process.pid, 'SIGKILL')
  },
})
sweep(layout)
if (killAt === 'swept') process.kill(process.pid, 'SIGKILL')
