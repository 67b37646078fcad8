import {
  DEFAULT_ALIGNMENT,
  GGUF_MAGIC,
  GgufError,
  TENSOR_ENCODINGS,
  VALUE_TYPE,
  type ValueTypeName,
} from './gguf-format.ts'
import { alignUp } from './gguf-reader.ts'
import { encodeTensor, type TensorType } from './tensor-codec.ts'

/** One metadata entry to write. */
export type MetadataEntry =
  | { key: string; type: 'u32' | 'i32' | 'f32'; value: number }
  | { key: string; type: 'bool'; value: boolean }
  | { key: string; type: 'string'; value: string }
  | { key: string; type: 'strings'; value: readonly string[] }
  | { key: string; type: 'i32s'; value: readonly number[] }

/** One tensor to write: `dimensions[0]` is the row length, `values` are row-major. */
export type WritableTensor = {
  name: string
  dimensions: readonly number[]
  type: TensorType
  values: Float32Array
}

const TENSOR_TYPE_ID = new Map([...TENSOR_ENCODINGS].map(([id, { name }]) => [name, id]))

/**
 * Writes a GGUF version 3 file with the default alignment.
 * @throws GgufError `malformed` when a tensor's values do not fill its dimensions.
 */
export function writeGguf(
  metadata: readonly MetadataEntry[],
  tensors: readonly WritableTensor[],
): Uint8Array {
  const out = new ByteSink()
  out.u32(GGUF_MAGIC)
  out.u32(3)
  out.u64(tensors.length)
  out.u64(metadata.length)
  for (const entry of metadata) writeEntry(out, entry)

  const encoded = tensors.map((tensor) => ({ tensor, data: encodeChecked(tensor) }))
  let offset = 0
  for (const { tensor, data } of encoded) {
    out.string(tensor.name)
    out.u32(tensor.dimensions.length)
    for (const length of tensor.dimensions) out.u64(length)
    out.u32(TENSOR_TYPE_ID.get(tensor.type) ?? 0)
    out.u64(offset)
    offset = alignUp(offset + data.byteLength, DEFAULT_ALIGNMENT)
  }
  for (const { data } of encoded) {
    out.pad(DEFAULT_ALIGNMENT)
    out.bytes(data)
  }
  out.pad(DEFAULT_ALIGNMENT)
  return out.result()
}

function writeEntry(out: ByteSink, entry: MetadataEntry): void {
  out.string(entry.key)
  switch (entry.type) {
    case 'strings':
      out.arrayHeader('string', entry.value.length)
      for (const item of entry.value) out.string(item)
      return
    case 'i32s':
      out.arrayHeader('i32', entry.value.length)
      for (const item of entry.value) out.i32(item)
      return
    default:
      out.u32(VALUE_TYPE[entry.type])
  }
  if (entry.type === 'string') out.string(entry.value)
  else if (entry.type === 'bool') out.bytes(Uint8Array.of(entry.value ? 1 : 0))
  else out[entry.type](entry.value)
}

function encodeChecked(tensor: WritableTensor): Uint8Array {
  const elements = tensor.dimensions.reduce((product, length) => product * length, 1)
  if (elements !== tensor.values.length) {
    throw new GgufError('malformed', `${tensor.name} has ${tensor.values.length} of ${elements}`)
  }
  return encodeTensor(tensor.values, tensor.type)
}

/** An append-only little-endian byte buffer that doubles as it fills. */
class ByteSink {
  #buffer = new Uint8Array(65_536)
  #view = new DataView(this.#buffer.buffer)
  #length = 0

  #reserve(count: number): number {
    const start = this.#length
    this.#length += count
    if (this.#length > this.#buffer.byteLength) {
      const grown = new Uint8Array(Math.max(this.#length, this.#buffer.byteLength * 2))
      grown.set(this.#buffer)
      this.#buffer = grown
      this.#view = new DataView(grown.buffer)
    }
    return start
  }

  u32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, true)
  }

  i32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setInt32(at, value, true)
  }

  f32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setFloat32(at, value, true)
  }

  u64(value: number): void {
    const at = this.#reserve(8)
    this.#view.setBigUint64(at, BigInt(value), true)
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.byteLength)
    this.#buffer.set(bytes, at)
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.u64(bytes.byteLength)
    this.bytes(bytes)
  }

  arrayHeader(itemType: ValueTypeName, length: number): void {
    this.u32(VALUE_TYPE.array)
    this.u32(VALUE_TYPE[itemType])
    this.u64(length)
  }

  pad(alignment: number): void {
    this.#reserve(alignUp(this.#length, alignment) - this.#length)
  }

  result(): Uint8Array {
    return this.#buffer.slice(0, this.#length)
  }
}
