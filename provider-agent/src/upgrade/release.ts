import { verifyPeerSignature } from '@infernet/schemas/login'
import { isPeerId, publicKeyOf, type PeerId } from '@infernet/schemas/peer-id'
import { fromBase64Url, toBase64Url } from '@infernet/schemas/receipt'
import { decodeUtf8, encodeUtf8 } from '@infernet/schemas/utf8'
import { base64url } from '@infernet/schemas/wire'
import { z } from 'zod'
import { UpgradeError } from './upgrade-error.ts'
import { MAX_NOTES_CHARS, MAX_RELEASE_KEYS, MAX_TARBALL_BYTES } from './upgrade-limits.ts'
import { versionSchema } from './version-order.ts'

/**
 * A version of the agent, as whoever makes it announces it. The file has one form only: who changes a byte of
 * it breaks the form or a signature.
 */
const DOMAIN = 'infernet/release/1'

/** Of the file beside the package. */
export const RELEASE_FILE = 'release.json'

export const peerSchema = z
  .string()
  .refine((text): text is PeerId => isPeerId(text) && publicKeyOf(text) !== undefined, 'not a key')

export const releaseSchema = z.strictObject({
  v: z.literal(1),
  name: z.literal('infernet-agent'),
  version: versionSchema,
  /** In the folder that the release is in. */
  file: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,99}\.tgz$/, 'not the name of a package'),
  bytes: z.int().positive().max(MAX_TARBALL_BYTES),
  /** In hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** The oldest Node that it runs on. */
  node: versionSchema,
  /** ms since the epoch, the publisher's clock. */
  published_at: z.int().nonnegative(),
  /** For owners: what is new, or where it is written. */
  notes: z
    .string()
    .max(MAX_NOTES_CHARS)
    .regex(/^(?:\n|[^\p{Cc}\p{Cs}])*$/u, 'control characters are not allowed'),
  /** Who has signed: several while one key takes the other's place. */
  keys: z
    .array(peerSchema)
    .min(1)
    .max(MAX_RELEASE_KEYS)
    .refine((keys) => new Set(keys).size === keys.length, 'a key signs once'),
})
export type Release = z.infer<typeof releaseSchema>

const signedReleaseSchema = releaseSchema
  .extend({
    /** One for each key, in their order. */
    signatures: z.array(base64url(64)).max(MAX_RELEASE_KEYS),
  })
  .refine(({ keys, signatures }) => signatures.length === keys.length, 'a signature for each key')
type SignedRelease = z.infer<typeof signedReleaseSchema>

/** Whoever publishes: a key's public name, and what signs with it. */
export interface ReleaseSigner {
  readonly peer: PeerId
  sign(message: Uint8Array): Uint8Array
}

/** The bytes of a release's file, signed by all of them. Throws ZodError for what is no release. */
export function signRelease(
  said: Omit<Release, 'v' | 'name' | 'keys'>,
  signers: readonly ReleaseSigner[],
): Uint8Array<ArrayBuffer> {
  const keys = signers.map(({ peer }) => peer)
  const release = releaseSchema.parse({ v: 1, name: 'infernet-agent', ...said, keys })
  const message = releaseToSign(release)
  return encodeRelease({
    ...release,
    signatures: signers.map((signer) => toBase64Url(signer.sign(message))),
  })
}

/**
 * The release in a file, signed by one of those who are trusted. Rejects with {@link UpgradeError}: `malformed`,
 * `wrong_key`, `bad_signature`.
 */
export async function readRelease(bytes: Uint8Array, trusted: readonly PeerId[]): Promise<Release> {
  const { signatures, ...release } = parsed(bytes)
  if (!release.keys.some((key) => trusted.includes(key))) {
    const who = release.keys.join(', ')
    throw new UpgradeError(
      'wrong_key',
      `the release is signed by ${who}; trusted is ${trusted.join(', ')}. Is the address right? If its publisher has told you of a new key, by another way than this: --key ${release.keys[0]}`,
    )
  }
  const message = releaseToSign(release)
  const good = await Promise.all(
    release.keys.map((key, i) => verifyPeerSignature(key, bytesOf(signatures[i]), message)),
  )
  if (good.every(Boolean)) return release
  throw new UpgradeError(
    'bad_signature',
    'the release was changed after it was signed: do not use it, and tell its publisher',
  )
}

function parsed(bytes: Uint8Array): SignedRelease {
  const found = jsonIn(bytes)
  if (Buffer.from(encodeRelease(found)).equals(bytes)) return found
  throw malformed()
}

function jsonIn(bytes: Uint8Array): SignedRelease {
  try {
    return signedReleaseSchema.parse(JSON.parse(decodeUtf8(bytes)))
  } catch (cause) {
    throw malformed(cause)
  }
}

const malformed = (cause?: unknown): UpgradeError =>
  new UpgradeError(
    'malformed',
    'what is there is not a release that this version can read: is the address right? Else install by hand: npm install --global infernet-agent@latest',
    { cause },
  )

/** The domain has no NUL, and JSON of this form says one thing only. */
const releaseToSign = (release: Release): Uint8Array<ArrayBuffer> =>
  encodeUtf8(`${DOMAIN}\0${JSON.stringify(inOrder(release))}`)

const encodeRelease = ({ signatures, ...release }: SignedRelease): Uint8Array<ArrayBuffer> => {
  const again = signatures.map((text) => toBase64Url(fromBase64Url(text)))
  return encodeUtf8(`${JSON.stringify({ ...inOrder(release), signatures: again }, null, 2)}\n`)
}

const inOrder = (release: Release): Release => ({
  v: release.v,
  name: release.name,
  version: release.version,
  file: release.file,
  bytes: release.bytes,
  sha256: release.sha256,
  node: release.node,
  published_at: release.published_at,
  notes: release.notes,
  keys: release.keys,
})

const bytesOf = (signature = ''): Uint8Array<ArrayBuffer> => fromBase64Url(signature)
