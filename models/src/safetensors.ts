/** One tensor to write: `shape` has the row length last, `values` are row-major. */
export type SafeTensor = {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** The header is padded with spaces to a multiple of this many bytes, so that the data is aligned. */
const ALIGNMENT = 8
/** What loaders of PyTorch weights look for. */
const METADATA = { format: 'pt' }

/** Writes a safetensors file: the header's length as a u64, the header in JSON, the data as 32-bit floats. */
export function writeSafetensors(tensors: readonly SafeTensor[]): Uint8Array {
  let end = 0
  const entries = tensors.map(({ name, shape, values }) => {
    const begin = end
    end += values.byteLength
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }] as const
  })
  const text = JSON.stringify({ __metadata__: METADATA, ...Object.fromEntries(entries) })
  const header = new TextEncoder().encode(text)
  const headerBytes = Math.ceil(header.byteLength / ALIGNMENT) * ALIGNMENT
  const file = new Uint8Array(8 + headerBytes + end).fill(0x20, 8, 8 + headerBytes)
  file.set(header, 8)
  const view = new DataView(file.buffer)
  view.setBigUint64(0, BigInt(headerBytes), true)
  let at = 8 + headerBytes
  for (const { values } of tensors) {
    for (const value of values) {
      view.setFloat32(at, value, true)
      at += 4
    }
  }
  return file
}
