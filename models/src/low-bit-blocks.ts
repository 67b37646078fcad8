import { fromFloat16, toFloat16 } from './float16.ts'
import { GgufError } from './gguf-format.ts'

/** llama.cpp's blocks of 32 elements in so many bits each: one half-precision scale, and steps of it. */
export type LowBits = 4 | 5

const BLOCK = 32
const HALF = BLOCK / 2
/** Where the four low bits of the steps begin, and how long a block is. Bytes; the fifth bits are before. */
const LAYOUT: Record<LowBits, { readonly steps: number; readonly bytes: number }> = {
  4: { steps: 2, bytes: 18 },
  5: { steps: 6, bytes: 22 },
}

/**
 * Encodes row-major `values` as Q4_0 or Q5_0, as llama.cpp's reference does: the value that is farthest
 * from 0 becomes the lowest step exactly, and the others the nearest.
 * @throws GgufError `malformed` for a length that is not whole blocks.
 */
export function encodeLowBits(values: Float32Array, bits: LowBits): Uint8Array {
  if (values.length % BLOCK !== 0) {
    throw new GgufError('malformed', `${values.length} values are not whole blocks`)
  }
  const { bytes: blockBytes } = LAYOUT[bits]
  const blocks = values.length / BLOCK
  const bytes = new Uint8Array(blocks * blockBytes)
  for (let b = 0; b < blocks; b++) {
    const out = new DataView(bytes.buffer, b * blockBytes, blockBytes)
    writeBlock(out, values.subarray(b * BLOCK, (b + 1) * BLOCK), bits)
  }
  return bytes
}

/** Decodes `elements` elements of Q4_0 or Q5_0. */
export function decodeLowBits(view: DataView, elements: number, bits: LowBits): Float32Array {
  const { steps, bytes } = LAYOUT[bits]
  const zero = 2 ** (bits - 1)
  const values = new Float32Array(elements)
  for (let i = 0; i < elements; i++) {
    const within = i % BLOCK
    const at = ((i - within) / BLOCK) * bytes
    const pair = view.getUint8(at + steps + (within % HALF))
    const low = within < HALF ? pair & 15 : pair >>> 4
    const high = bits === 5 ? (view.getUint32(at + 2, true) >>> within) & 1 : 0
    values[i] = fromFloat16(view.getUint16(at, true)) * (low + 16 * high - zero)
  }
  return values
}

function writeBlock(out: DataView, block: Float32Array, bits: LowBits): void {
  const zero = 2 ** (bits - 1)
  const farthest = block.reduce((far, value) => (Math.abs(value) > Math.abs(far) ? value : far), 0)
  const scale = farthest / -zero
  out.setUint16(0, toFloat16(scale), true)
  const most = 2 ** bits - 1
  const step = (i: number): number =>
    scale === 0 ? zero : Math.min(most, Math.floor((block[i] ?? 0) / scale + zero + 0.5))
  let fifthBits = 0
  for (let i = 0; i < HALF; i++) {
    const [first, second] = [step(i), step(i + HALF)]
    out.setUint8(LAYOUT[bits].steps + i, (first & 15) | ((second & 15) << 4))
    fifthBits |= ((first >>> 4) << i) | ((second >>> 4) << (i + HALF))
  }
  if (bits === 5) out.setUint32(2, fifthBits >>> 0, true)
}
