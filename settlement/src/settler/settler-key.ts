import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { MIN_PREIMAGE_KEY_BYTES } from '../intake/derived-preimage.ts'
import { SettlerOptionError } from './settler-option-error.ts'

/** Nobody but its owner may read it. */
const MODE = 0o600
const OTHERS = 0o077
/** systemd gives a service its credentials by an access list, which shows as the group's right to read. */
const OTHERS_THAN_SERVICE = 0o037
/** A file of another kind was named. */
const MAX_KEY_BYTES = 4096

/** Keys of the settler's two uses, neither of which tells the other or the file's. */
export interface SettlerKeys {
  /** Of invoices and escrows. */
  readonly preimageKey: Uint8Array
  readonly keysendKey: Uint8Array
}

/**
 * The keys from a file of 32 bytes or more, raw or as lower-case hex; the same file must be there as long as
 * anything is unfinished. With `create` a file that is missing is made. `credentials` is the folder that systemd
 * made for this service (`CREDENTIALS_DIRECTORY`). Throws {@link SettlerOptionError}.
 */
export function settlerKeys(path: string, create: boolean, credentials?: string): SettlerKeys {
  const isCredential = credentials !== undefined && dirname(path) === credentials
  const key =
    readKey(path, isCredential ? OTHERS_THAN_SERVICE : OTHERS) ??
    (create ? createKey(path) : undefined)
  if (key === undefined)
    throw new SettlerOptionError(`There is no key in ${path}; --create-key makes one`)
  return {
    preimageKey: hmac(sha256, key, utf8ToBytes('infernet preimages')),
    keysendKey: hmac(sha256, key, utf8ToBytes('infernet keysend')),
  }
}

function readKey(path: string, others: number): Uint8Array | undefined {
  const file = statSync(path, { throwIfNoEntry: false })
  if (file === undefined) return undefined
  if ((file.mode & others) !== 0)
    throw new SettlerOptionError(`${path} can be read by others: chmod 600 it, or make a new one`)
  if (file.size > MAX_KEY_BYTES) throw new SettlerOptionError(`${path} is no key`)
  const bytes = readFileSync(path)
  const text = bytes.toString('latin1').trim()
  const key = /^([0-9a-f]{2})+$/.test(text) ? Buffer.from(text, 'hex') : bytes
  if (key.length < MIN_PREIMAGE_KEY_BYTES)
    throw new SettlerOptionError(`${path} has less than ${MIN_PREIMAGE_KEY_BYTES} bytes`)
  return key
}

function createKey(path: string): Uint8Array {
  const key = randomBytes(MIN_PREIMAGE_KEY_BYTES)
  const file = openSync(path, 'wx', MODE)
  try {
    writeSync(file, `${key.toString('hex')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return key
}
