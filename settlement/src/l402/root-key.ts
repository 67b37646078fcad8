// A token's root key is HMAC-SHA256(master key, token id): no key is stored, and every edge that has the
// master keys verifies every token.
//
// A token names its master key by the first four bytes of its token id, which are the key's id; the other
// 28 are random. Clients take a token id for opaque, so every L402 client works; the signature covers it,
// unlike a location; and a verifier computes one key instead of trying all. A key's id follows from the
// key, so that no setting can give a key another's id.
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { L402Error } from './l402-error.ts'
import { TOKEN_ID_BYTES } from './token-identifier.ts'

export const MASTER_KEY_BYTES = 32
const KEY_ID_BYTES = 4
/** 224 bits: no two tokens of a key will ever meet. */
export const TOKEN_RANDOM_BYTES = TOKEN_ID_BYTES - KEY_ID_BYTES
/** Keys in use at once: the newest, and those whose tokens have not expired. */
export const MAX_MASTER_KEYS = 8

/** Not of 32 bytes, so that no token id can ask for it. */
const KEY_ID_LABEL = utf8ToBytes('infernet l402 key id')

/** 32 bytes in hex. */
const MASTER_KEY = /^[0-9a-f]{64}$/i

/** Master keys as an operator writes them: a line of 64 hex digits each, newest first. Throws {@link L402Error} `bad_key`. */
export function parseMasterKeys(text: string): MasterKeys {
  const lines = text.split(/\s+/).filter((line) => line !== '')
  if (!lines.every((line) => MASTER_KEY.test(line)))
    throw new L402Error('bad_key', 'A master key is a line of 64 hex digits')
  return new MasterKeys(lines.map((line) => hexToBytes(line)))
}

/** The master keys of an edge: the newest makes tokens, all of them verify. */
export class MasterKeys {
  readonly #newestId: Uint8Array
  readonly #byId = new Map<number, Uint8Array>()

  /** `masters`: 32 secret bytes each, newest first. Throws {@link L402Error} `bad_key`. */
  constructor(masters: readonly Uint8Array[]) {
    const [newest] = masters
    if (newest === undefined || masters.length > MAX_MASTER_KEYS)
      throw new L402Error('bad_key', `There are 1 to ${MAX_MASTER_KEYS} master keys`)
    for (const master of masters) {
      if (master.length !== MASTER_KEY_BYTES)
        throw new L402Error('bad_key', `A master key has ${MASTER_KEY_BYTES} bytes`)
      this.#byId.set(idIn(keyId(master)), master.slice())
    }
    if (this.#byId.size !== masters.length)
      throw new L402Error('bad_key', 'Two master keys are the same or have the same id')
    this.#newestId = keyId(newest)
  }

  /** A token id under the newest key, of {@link TOKEN_RANDOM_BYTES} fresh random bytes. */
  tokenId(random: Uint8Array): Uint8Array {
    if (random.length !== TOKEN_RANDOM_BYTES)
      throw new L402Error('bad_identifier', `A token id needs ${TOKEN_RANDOM_BYTES} random bytes`)
    return concatBytes(this.#newestId, random)
  }

  /** The root key of a token, or undefined if its master key is not (or no longer) here. */
  rootKey(tokenId: Uint8Array): Uint8Array | undefined {
    if (tokenId.length !== TOKEN_ID_BYTES) return undefined
    const master = this.#byId.get(idIn(tokenId))
    return master && hmac(sha256, master, tokenId)
  }
}

const keyId = (master: Uint8Array): Uint8Array =>
  hmac(sha256, master, KEY_ID_LABEL).subarray(0, KEY_ID_BYTES)

const idIn = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0)
