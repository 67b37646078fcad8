import {
  DEFAULT_ALIGNMENT,
  GGUF_MAGIC,
  GgufError,
  TENSOR_ENCODINGS,
  VALUE_TYPE,
  type GgufHeader,
  type GgufScalar,
  type GgufTensor,
  type GgufValue,
  type ValueTypeName,
} from './gguf-format.ts'

/** Real files carry 20 to 60 keys. */
const MAX_KEYS = 4_096
/** The largest mixture-of-experts files carry a few thousand tensors. */
const MAX_TENSORS = 65_536
/** Vocabularies reach 262 144 tokens and merges about as many; eight times that is room enough. */
export const MAX_ARRAY_ITEMS = 2_097_152
/** Chat templates are the longest strings seen, at some tens of kilobytes. */
const MAX_STRING_BYTES = 1_048_576
/** llama.cpp's own limit (GGML_MAX_NAME, with its terminating zero). */
const MAX_TENSOR_NAME_BYTES = 63
/** llama.cpp's own limit (GGML_MAX_DIMS). */
const MAX_DIMENSIONS = 4
/** Alignments above a page serve nobody and inflate padding. */
const MAX_ALIGNMENT = 65_536

const TYPE_NAMES: ReadonlyMap<number, ValueTypeName> = new Map(
  Object.entries(VALUE_TYPE).map(([name, id]) => [id, name as ValueTypeName]),
)

/** Fewest bytes one value of a type takes: bounds an array's count by the bytes that are left. */
const MIN_BYTES: Record<ValueTypeName, number> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  string: 8,
  array: 12,
  u64: 8,
  i64: 8,
  f64: 8,
}

/** Little-endian cursor that throws `truncated` instead of reading past the end. */
class Cursor {
  offset = 0
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get remaining(): number {
    return this.#bytes.byteLength - this.offset
  }

  /** Moves over `count` bytes and returns where they began. */
  take(count: number): number {
    if (count > this.remaining) {
      throw new GgufError('truncated', `GGUF header ends at byte ${this.#bytes.byteLength}`)
    }
    const start = this.offset
    this.offset += count
    return start
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true)
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.take(8), true)
  }

  /** A u64 that counts something: refused above `limit`. */
  count(what: string, limit: number): number {
    const value = this.u64()
    if (value > BigInt(limit)) {
      throw new GgufError('limit_exceeded', `${what} is ${value}, above the limit of ${limit}`)
    }
    return Number(value)
  }

  string(what: string, limit: number): string {
    const length = this.count(`length of ${what}`, limit)
    const start = this.take(length)
    return this.#utf8.decode(this.#bytes.subarray(start, start + length))
  }

  /** Moves over a scalar without making anything of it. */
  skip(type: Exclude<ValueTypeName, 'array'>, key: string): void {
    const isString = type === 'string'
    this.take(
      isString ? this.count(`length of the value of ${key}`, MAX_STRING_BYTES) : MIN_BYTES[type],
    )
  }

  scalar(type: Exclude<ValueTypeName, 'array'>, key: string): GgufScalar {
    const view = this.#view
    switch (type) {
      case 'u8':
        return view.getUint8(this.take(1))
      case 'i8':
        return view.getInt8(this.take(1))
      case 'u16':
        return view.getUint16(this.take(2), true)
      case 'i16':
        return view.getInt16(this.take(2), true)
      case 'u32':
        return this.u32()
      case 'i32':
        return view.getInt32(this.take(4), true)
      case 'f32':
        return view.getFloat32(this.take(4), true)
      case 'f64':
        return view.getFloat64(this.take(8), true)
      case 'u64':
        return narrow(this.u64())
      case 'i64':
        return narrow(view.getBigInt64(this.take(8), true))
      case 'bool':
        return view.getUint8(this.take(1)) !== 0
      case 'string':
        return this.string(`the value of ${key}`, MAX_STRING_BYTES)
    }
  }
}

export type GgufReadOptions = {
  /** Longer lists are read over and come out empty: a vocabulary costs 100 MB of memory as strings. */
  readonly maxItems?: number
}

/**
 * Parses the header of a GGUF file: metadata and tensor descriptions, not the data.
 *
 * `bytes` may be just the front of the file; a header that runs past them throws `truncated`, and
 * the caller may try again with more. Memory stays proportional to `bytes`: every count is checked
 * against the bytes left before anything is allocated for it. Checks at least what llama.cpp's own
 * reader checks, so that what passes here is not refused (or worse, asserted on) there.
 *
 * @throws GgufError and nothing else.
 */
export function readGgufHeader(bytes: Uint8Array, options: GgufReadOptions = {}): GgufHeader {
  const cursor = new Cursor(bytes)
  if (cursor.u32() !== GGUF_MAGIC) throw new GgufError('not_gguf', 'not a GGUF file')
  const version = cursor.u32()
  if (version !== 2 && version !== 3) {
    throw new GgufError('not_gguf', `GGUF version ${version} is not supported`)
  }
  const tensorCount = cursor.count('the number of tensors', MAX_TENSORS)
  const keyCount = cursor.count('the number of keys', MAX_KEYS)

  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < keyCount; i++) {
    const key = cursor.string(`key ${i}`, MAX_STRING_BYTES)
    if (key === '' || metadata.has(key)) {
      throw new GgufError('malformed', `key ${i} is ${key === '' ? 'empty' : `a second ${key}`}`)
    }
    metadata.set(key, readValue(cursor, key, options.maxItems ?? MAX_ARRAY_ITEMS))
  }

  const alignment = readAlignment(metadata)
  const tensors = readTensors(cursor, tensorCount, alignment)
  return { version, alignment, metadata, tensors, dataStart: alignUp(cursor.offset, alignment) }
}

/** Bytes a complete file with this header has, its last tensor's padding left out. */
export function requiredFileBytes(header: GgufHeader): number {
  let end = 0
  for (const tensor of header.tensors.values()) {
    end = Math.max(end, tensor.offset + tensor.byteLength)
  }
  return header.dataStart + end
}

/** `value` rounded up to a multiple of `alignment`. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment
}

function readValue(cursor: Cursor, key: string, maxItems: number): GgufValue {
  const type = readType(cursor, key)
  if (type !== 'array') return cursor.scalar(type, key)
  const itemType = readType(cursor, key)
  if (itemType === 'array') throw new GgufError('malformed', `${key} is an array of arrays`)
  const length = cursor.count(`the length of ${key}`, MAX_ARRAY_ITEMS)
  if (length * MIN_BYTES[itemType] > cursor.remaining) {
    throw new GgufError('truncated', `${key} promises ${length} items, more than the bytes left`)
  }
  const items: GgufScalar[] = []
  if (length > maxItems) {
    for (let i = 0; i < length; i++) cursor.skip(itemType, key)
    return { itemType, items }
  }
  for (let i = 0; i < length; i++) items.push(cursor.scalar(itemType, key))
  return { itemType, items }
}

function readType(cursor: Cursor, key: string): ValueTypeName {
  const id = cursor.u32()
  const type = TYPE_NAMES.get(id)
  if (!type) throw new GgufError('malformed', `${key} has the unknown value type ${id}`)
  return type
}

function readAlignment(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT
  const isPowerOfTwo = typeof value === 'number' && value > 0 && Number.isInteger(Math.log2(value))
  if (!isPowerOfTwo || value > MAX_ALIGNMENT) {
    throw new GgufError('malformed', 'general.alignment is not a sensible power of two')
  }
  return value
}

function readTensors(cursor: Cursor, count: number, alignment: number): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>()
  let expectedOffset = 0
  for (let i = 0; i < count; i++) {
    const tensor = readTensor(cursor, i)
    if (tensors.has(tensor.name)) {
      throw new GgufError('malformed', `two tensors are named ${tensor.name}`)
    }
    if (tensor.offset !== expectedOffset) {
      throw new GgufError(
        'malformed',
        `${tensor.name} lies at offset ${tensor.offset}, not at ${expectedOffset}`,
      )
    }
    expectedOffset = alignUp(tensor.offset + tensor.byteLength, alignment)
    tensors.set(tensor.name, tensor)
  }
  return tensors
}

function readTensor(cursor: Cursor, index: number): GgufTensor {
  const name = cursor.string(`the name of tensor ${index}`, MAX_TENSOR_NAME_BYTES)
  const rank = cursor.u32()
  if (rank > MAX_DIMENSIONS) {
    throw new GgufError('malformed', `tensor ${name} has ${rank} dimensions`)
  }
  const dimensions: number[] = []
  let elements = 1
  for (let d = 0; d < rank; d++) {
    const length = cursor.count(`dimension ${d} of ${name}`, Number.MAX_SAFE_INTEGER)
    dimensions.push(length)
    elements *= length
    if (elements > Number.MAX_SAFE_INTEGER) {
      throw new GgufError('limit_exceeded', `tensor ${name} has too many elements`)
    }
  }
  const typeId = cursor.u32()
  const encoding = TENSOR_ENCODINGS.get(typeId)
  if (!encoding) throw new GgufError('malformed', `tensor ${name} has the unknown type ${typeId}`)
  if ((dimensions[0] ?? 1) % encoding.block !== 0) {
    throw new GgufError(
      'malformed',
      `rows of ${name} are not whole ${encoding.name} blocks of ${encoding.block}`,
    )
  }
  const byteLength = (elements / encoding.block) * encoding.bytes
  const offset = cursor.count(`the offset of ${name}`, Number.MAX_SAFE_INTEGER)
  if (offset + byteLength > Number.MAX_SAFE_INTEGER) {
    throw new GgufError('limit_exceeded', `tensor ${name} ends beyond any file`)
  }
  return { name, dimensions, encoding, elements, byteLength, offset }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
