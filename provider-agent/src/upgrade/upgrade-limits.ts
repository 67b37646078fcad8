/** Bounds of an upgrade. */

/** A release is a page of text at most. */
export const MAX_RELEASE_BYTES = 16 * 1024
/** Forty times what the package is. */
export const MAX_TARBALL_BYTES = 64 * 1024 * 1024
/** What an owner reads before saying yes. */
export const MAX_NOTES_CHARS = 2_000
/** Of a release: the present key, the next one, and one that is kept for bad days. */
export const MAX_RELEASE_KEYS = 4
/** From one address to the next. */
export const MAX_REDIRECTS = 5

/** Until a release has come. */
export const RELEASE_TIMEOUT_MS = 15_000
/** The same where somebody only wants to know. */
export const RELEASE_LOOK_MS = 3_000
/** Until the package has come: 64 MiB over a slow line. */
export const TARBALL_TIMEOUT_MS = 15 * 60_000
/** npm unpacks one file. */
export const UNPACK_TIMEOUT_MS = 2 * 60_000
/** npm downloads llama.cpp, 700 MB, over a slow line. */
export const HEAVY_TIMEOUT_MS = 60 * 60_000
/** A new version says what it is. */
export const TRIAL_TIMEOUT_MS = 30_000
/** Of npm, or of a new version: the rest is cut off. */
export const MAX_SAID_BYTES = 1024 * 1024
