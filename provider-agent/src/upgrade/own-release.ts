import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { peerSchema } from './release.ts'
import { MAX_RELEASE_KEYS } from './upgrade-limits.ts'

/** Written beside the code when it is packed; a checkout has an empty one. */
export const OWN_RELEASE = new URL('own-release.json', import.meta.url)

export const ownReleaseSchema = z.object({
  /** Whose releases may take this version's place. */
  keys: z.array(peerSchema).max(MAX_RELEASE_KEYS).default([]),
  /** Where they are. */
  releases: z.string().optional(),
  /** ms since the epoch. */
  published_at: z.int().nonnegative().optional(),
})
export type OwnRelease = z.infer<typeof ownReleaseSchema>

/** What this package knows of the releases that it is one of. */
export const ownRelease = (): OwnRelease =>
  ownReleaseSchema.parse(JSON.parse(readFileSync(OWN_RELEASE, 'utf8')))
