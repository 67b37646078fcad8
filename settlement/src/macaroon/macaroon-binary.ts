// The binary format, version 2: https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MacaroonError } from './macaroon-error.ts'
import {
  MAX_CAVEATS,
  MAX_CAVEAT_BYTES,
  MAX_IDENTIFIER_BYTES,
  MAX_LOCATION_BYTES,
  type Macaroon,
} from './macaroon.ts'

const VERSION = 2
const FIELD = { end: 0, location: 1, identifier: 2, verificationId: 4, signature: 6 } as const
const SIGNATURE_BYTES = 32
/** Fits an HTTP header with room to spare; far above what all limits of a sane macaroon add up to. */
export const MAX_MACAROON_BYTES = 6 * 1024

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Writes a macaroon byte for byte as other implementations do. */
export function serializeMacaroon(macaroon: Macaroon): Uint8Array {
  const bytes = concatBytes(
    Uint8Array.of(VERSION),
    macaroon.location === undefined
      ? new Uint8Array()
      : field(FIELD.location, utf8ToBytes(macaroon.location)),
    field(FIELD.identifier, macaroon.identifier),
    Uint8Array.of(FIELD.end),
    ...macaroon.caveats.flatMap((caveat) => [
      field(FIELD.identifier, utf8ToBytes(caveat)),
      Uint8Array.of(FIELD.end),
    ]),
    Uint8Array.of(FIELD.end),
    field(FIELD.signature, macaroon.signature),
  )
  if (bytes.length > MAX_MACAROON_BYTES)
    throw new MacaroonError('too_long', `It would have more than ${MAX_MACAROON_BYTES} bytes`)
  return bytes
}

/** Reads a macaroon; says nothing about its signature. Throws {@link MacaroonError} and nothing else. */
export function parseMacaroon(bytes: Uint8Array): Macaroon {
  if (bytes.length > MAX_MACAROON_BYTES)
    throw new MacaroonError('too_long', `It has more than ${MAX_MACAROON_BYTES} bytes`)
  const reader = new FieldReader(bytes)
  const location = reader.optional(FIELD.location, MAX_LOCATION_BYTES)
  const identifier = reader.required(FIELD.identifier, MAX_IDENTIFIER_BYTES)
  reader.end()
  const caveats = [...caveatsOf(reader)]
  const signature = reader.required(FIELD.signature, SIGNATURE_BYTES)
  if (signature.length !== SIGNATURE_BYTES || !reader.isAtEnd())
    throw new MacaroonError('malformed', 'It does not end with a signature of 32 bytes')
  return { location: location && text(location), identifier, caveats, signature }
}

function* caveatsOf(reader: FieldReader): Generator<string> {
  for (let count = 0; ; count++) {
    const caveat = reader.optional(FIELD.identifier, MAX_CAVEAT_BYTES)
    if (caveat === undefined) {
      if (reader.optional(FIELD.location, MAX_LOCATION_BYTES) !== undefined)
        throw new MacaroonError('third_party', 'A caveat is for a third party')
      reader.end()
      return
    }
    if (count === MAX_CAVEATS)
      throw new MacaroonError('too_long', `It has more than ${MAX_CAVEATS} caveats`)
    if (reader.optional(FIELD.verificationId, MAX_MACAROON_BYTES) !== undefined)
      throw new MacaroonError('third_party', 'A caveat is for a third party')
    reader.end()
    yield text(caveat)
  }
}

/** `type, length as a varint, bytes`. */
function field(type: number, bytes: Uint8Array): Uint8Array {
  const length: number[] = []
  let rest = bytes.length
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80)
  return concatBytes(Uint8Array.of(type, ...length, rest), bytes)
}

class FieldReader {
  readonly #bytes: Uint8Array
  #at = 1

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    if (bytes[0] !== VERSION) throw new MacaroonError('malformed', 'It is not of version 2')
  }

  optional(type: number, maxBytes: number): Uint8Array | undefined {
    if (this.#bytes[this.#at] !== type) return undefined
    this.#at++
    const length = this.#varint()
    if (length > maxBytes)
      throw new MacaroonError('too_long', `Its field ${type} has more than ${maxBytes} bytes`)
    const end = this.#at + length
    if (end > this.#bytes.length) throw new MacaroonError('malformed', 'It is cut off')
    const bytes = this.#bytes.slice(this.#at, end)
    this.#at = end
    return bytes
  }

  required(type: number, maxBytes: number): Uint8Array {
    const bytes = this.optional(type, maxBytes)
    if (bytes === undefined) throw new MacaroonError('malformed', `Its field ${type} is missing`)
    return bytes
  }

  end(): void {
    if (this.#bytes[this.#at++] !== FIELD.end)
      throw new MacaroonError('malformed', 'A section does not end where it should')
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Lengths above two bytes are above every limit here. */
  #varint(): number {
    const low = this.#bytes[this.#at++] ?? 0
    if (low < 0x80) return low
    const high = this.#bytes[this.#at++] ?? 0x80
    if (high >= 0x80) throw new MacaroonError('malformed', 'A length is out of bounds')
    return (low & 0x7f) | (high << 7)
  }
}

function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new MacaroonError('malformed', 'It has text that is not UTF-8', { cause })
  }
}
