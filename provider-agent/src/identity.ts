import { createPrivateKey, generateKeyPairSync, hkdfSync, sign, type KeyObject } from 'node:crypto'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { peerIdOf, type PeerId } from '@infernet/schemas/peer-id'
import { sync, writeDurably } from './durable-file.ts'
import { errorMessage } from './error-message.ts'
import { isErrno, isLinked, isSystemError } from './file-link.ts'
import { makeFolder } from './make-folder.ts'
import { notHandedOver } from './service/credentials.ts'

/** The agent's name and the only thing that can speak in it. */
export interface Identity {
  readonly peer: PeerId
  /** Ed25519 signature (RFC 8032) over `message`. */
  readonly sign: (message: Uint8Array) => Uint8Array
  /** A secret of 32 bytes for one purpose, always the same: HKDF-SHA256 (RFC 5869) of the key. */
  readonly deriveKey: (purpose: string) => Uint8Array
}

export interface FoundIdentity {
  readonly identity: Identity
  /** Others on this machine can read the key: it should be taken for stolen. */
  readonly exposed: boolean
}

export interface LoadedIdentity extends FoundIdentity {
  readonly created: boolean
}

export type KeyErrorCode = 'missing' | 'unreadable' | 'unwritable' | 'not_ed25519'

export class KeyError extends Error {
  override readonly name = 'KeyError'
  readonly code: KeyErrorCode
  constructor(code: KeyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const OTHERS = 0o077

export interface KeyOptions {
  /** Who can read a credential is systemd's care: its access list looks like a mode for others. */
  readonly isCredential?: boolean
}

/** Reads the Ed25519 key at `path` (PKCS#8 PEM), if there is one: none is made. Throws {@link KeyError}. */
export function findIdentity(
  path: string,
  { isCredential = false }: KeyOptions = {},
): FoundIdentity | undefined {
  const pem = readIfThere(path)
  if (pem === undefined) return undefined
  const exposed =
    !isCredential && process.platform !== 'win32' && (statSync(path).mode & OTHERS) !== 0
  return { identity: identityOf(pem, path), exposed }
}

/** The same, creating the key when there is none, unless systemd was to hand it over. Throws {@link KeyError}. */
export function loadIdentity(path: string, options?: KeyOptions): LoadedIdentity {
  const existing = findIdentity(path, options)
  if (existing === undefined && options?.isCredential === true)
    throw new KeyError('missing', notHandedOver(path))
  const created = existing === undefined && isMade(path)
  const found = existing ?? findIdentity(path, options)
  if (found === undefined) throw new KeyError('unreadable', `the key at ${path} vanished`)
  return { ...found, created }
}

function identityOf(pem: string, path: string): Identity {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    throw new KeyError('unreadable', `${path} is not a PEM private key`, { cause })
  }
  const { x, d } = key.export({ format: 'jwk' })
  if (key.asymmetricKeyType !== 'ed25519' || x === undefined || d === undefined) {
    throw new KeyError('not_ed25519', `${path} holds a ${key.asymmetricKeyType} key, not Ed25519`)
  }
  return {
    peer: peerIdOf(Buffer.from(x, 'base64url')),
    sign: (message) => sign(null, message, key),
    deriveKey: (purpose) => {
      const info = `infernet/agent/${purpose}/1`
      return new Uint8Array(hkdfSync('sha256', Buffer.from(d, 'base64url'), '', info, 32))
    },
  }
}

function isMade(path: string): boolean {
  try {
    return createKeyFile(path)
  } catch (cause) {
    if (!isSystemError(cause)) throw cause
    const message = `cannot make a key at ${path}: ${cause.message}. Name another folder with --data or INFERNET_DATA`
    throw new KeyError('unwritable', message, { cause })
  }
}

/**
 * Puts a new key at `path` in one step: a crash leaves either nothing or the whole key, and of two
 * agents that start together one wins and both use its key. Returns whether it was this one.
 */
function createKeyFile(path: string): boolean {
  makeFolder(dirname(path))
  const { privateKey } = generateKeyPairSync('ed25519')
  const draft = `${path}.${process.pid}.new`
  try {
    writeDurably(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
    const isOurs = isLinked(draft, path)
    if (isOurs) sync(dirname(path))
    return isOurs
  } finally {
    rmSync(draft, { force: true })
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    const cause = errorMessage(error)
    throw new KeyError('unreadable', `cannot read the key: ${cause}`, { cause: error })
  }
}
