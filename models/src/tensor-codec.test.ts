import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readGgufHeader } from './gguf-reader.ts'
import { writeGguf } from './gguf-writer.ts'
import { decodeTensor, type TensorType } from './tensor-codec.ts'

const rows = fc.integer({ min: 1, max: 4 }).chain((count) =>
  fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), {
    minLength: 32 * count,
    maxLength: 32 * count,
  }),
)

function roundTrip(values: Float32Array, type: TensorType): Float32Array {
  const file = writeGguf([], [{ name: 't', dimensions: [32, values.length / 32], type, values }])
  return decodeTensor(file, readGgufHeader(file), 't')
}

describe('tensor encodings', () => {
  it('keeps F32 exactly', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const values = Float32Array.from(row)
        expect(roundTrip(values, 'F32')).toEqual(values)
      }),
    )
  })

  it('keeps F16 to 11 bits', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const decoded = roundTrip(Float32Array.from(row), 'F16')
        row.forEach((value, i) => {
          expect(Math.abs(decoded[i]! - value)).toBeLessThanOrEqual(
            Math.abs(value) / 2048 + 2 ** -25,
          )
        })
      }),
    )
  })

  it("keeps Q8_0 to a step of each block's largest value", () => {
    fc.assert(
      fc.property(rows, (row) => {
        const decoded = roundTrip(Float32Array.from(row), 'Q8_0')
        row.forEach((value, i) => {
          const start = i - (i % 32)
          const largest = Math.max(...row.slice(start, start + 32).map(Math.abs))
          expect(Math.abs(decoded[i]! - value)).toBeLessThanOrEqual(largest / 127 + 1e-4)
        })
      }),
    )
  })

  it('refuses Q8_0 rows that are not whole blocks, and absent tensors', () => {
    const values = new Float32Array(33)
    const write = () => writeGguf([], [{ name: 't', dimensions: [33], type: 'Q8_0', values }])
    expect(write).toThrow(expect.objectContaining({ code: 'malformed' }))
    const file = writeGguf([], [])
    const read = () => decodeTensor(file, readGgufHeader(file), 'gone')
    expect(read).toThrow(expect.objectContaining({ code: 'incomplete_model' }))
  })

  it('refuses to read past the file and to decode other types', () => {
    const values = new Float32Array(64)
    const file = writeGguf([], [{ name: 't', dimensions: [64], type: 'F32', values }])
    const header = readGgufHeader(file)
    const short = () => decodeTensor(file.subarray(0, file.length - 1), header, 't')
    expect(short).toThrow(expect.objectContaining({ code: 'truncated' }))
    const tensor = {
      ...header.tensors.get('t')!,
      encoding: { name: 'Q4_K', block: 256, bytes: 144 },
    }
    const other = { ...header, tensors: new Map([['t', tensor]]) }
    expect(() => decodeTensor(file, other, 't')).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    )
  })
})
