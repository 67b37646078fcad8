import { fromFloat16, toFloat16 } from './float16.ts'
import { GgufError, type GgufHeader } from './gguf-format.ts'
import { decodeLowBits, encodeLowBits } from './low-bit-blocks.ts'

/** Tensor types this package reads and writes. */
export type TensorType = 'F32' | 'F16' | 'Q8_0' | 'Q5_0' | 'Q4_0'

/** A Q8_0 block: one half-precision scale and 32 signed bytes. */
const Q8_BLOCK = 32
const Q8_BYTES = 34

/**
 * Encodes row-major `values` as tensor data. Q8_0 rounds half away from zero, as llama.cpp does.
 * @throws GgufError `malformed` when a type of blocks is asked for a length that is not whole blocks.
 */
export function encodeTensor(values: Float32Array, type: TensorType): Uint8Array {
  if (type === 'Q8_0') return encodeQ8(values)
  if (type === 'Q5_0') return encodeLowBits(values, 5)
  if (type === 'Q4_0') return encodeLowBits(values, 4)
  const width = type === 'F32' ? 4 : 2
  const bytes = new Uint8Array(values.length * width)
  const view = new DataView(bytes.buffer)
  values.forEach((value, i) => {
    if (type === 'F32') view.setFloat32(i * 4, value, true)
    else view.setUint16(i * 2, toFloat16(value), true)
  })
  return bytes
}

/**
 * Decodes one tensor of a whole GGUF file in memory to 32-bit floats, row-major.
 * @throws GgufError `incomplete_model` without such a tensor, `truncated` when its data runs past
 * the file, `unsupported` for a type that is no {@link TensorType}.
 */
export function decodeTensor(file: Uint8Array, header: GgufHeader, name: string): Float32Array {
  const tensor = header.tensors.get(name)
  if (!tensor) throw new GgufError('incomplete_model', `tensor ${name} is missing`)
  const start = header.dataStart + tensor.offset
  if (start + tensor.byteLength > file.byteLength) {
    throw new GgufError('truncated', `the data of ${name} runs past the end of the file`)
  }
  const view = new DataView(file.buffer, file.byteOffset + start, tensor.byteLength)
  switch (tensor.encoding.name) {
    case 'F32':
      return Float32Array.from({ length: tensor.elements }, (_, i) => view.getFloat32(i * 4, true))
    case 'F16':
      return Float32Array.from({ length: tensor.elements }, (_, i) =>
        fromFloat16(view.getUint16(i * 2, true)),
      )
    case 'Q8_0':
      return decodeQ8(view, tensor.elements)
    case 'Q5_0':
      return decodeLowBits(view, tensor.elements, 5)
    case 'Q4_0':
      return decodeLowBits(view, tensor.elements, 4)
    default:
      throw new GgufError('unsupported', `cannot decode ${name} of type ${tensor.encoding.name}`)
  }
}

function encodeQ8(values: Float32Array): Uint8Array {
  if (values.length % Q8_BLOCK !== 0) {
    throw new GgufError('malformed', `${values.length} values are not whole Q8_0 blocks`)
  }
  const blocks = values.length / Q8_BLOCK
  const bytes = new Uint8Array(blocks * Q8_BYTES)
  const view = new DataView(bytes.buffer)
  for (let b = 0; b < blocks; b++) {
    const block = values.subarray(b * Q8_BLOCK, (b + 1) * Q8_BLOCK)
    const largest = block.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
    const scale = largest / 127
    view.setUint16(b * Q8_BYTES, toFloat16(scale), true)
    block.forEach((value, i) => {
      const steps = scale === 0 ? 0 : value / scale
      view.setInt8(b * Q8_BYTES + 2 + i, Math.sign(steps) * Math.round(Math.abs(steps)))
    })
  }
  return bytes
}

function decodeQ8(view: DataView, elements: number): Float32Array {
  const values = new Float32Array(elements)
  for (let i = 0; i < elements; i += Q8_BLOCK) {
    const at = (i / Q8_BLOCK) * Q8_BYTES
    const scale = fromFloat16(view.getUint16(at, true))
    for (let j = 0; j < Q8_BLOCK; j++) values[i + j] = scale * view.getInt8(at + 2 + j)
  }
  return values
}
