import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readGgufHeader } from './gguf-reader.ts'
import { writeGguf } from './gguf-writer.ts'
import { decodeTensor, encodeTensor, type TensorType } from './tensor-codec.ts'

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

  it.each([
    ['Q5_0', 16],
    ['Q4_0', 8],
  ] as const)("keeps %s to a step of each block's farthest value, and that one", (type, steps) => {
    fc.assert(
      fc.property(rows, (row) => {
        const decoded = roundTrip(Float32Array.from(row), type)
        for (let start = 0; start < row.length; start += 32) {
          const sizes = row.slice(start, start + 32).map(Math.abs)
          const largest = Math.max(...sizes)
          for (const [i, size] of sizes.entries()) {
            const [value, kept] = [row[start + i]!, decoded[start + i]!]
            expect(Math.abs(kept - value)).toBeLessThanOrEqual((largest / steps) * 1.001 + 1e-4)
            if (i === sizes.indexOf(largest)) expect(Math.abs(kept)).toBeCloseTo(size, 0)
          }
        }
      }),
    )
  })

  it('writes Q4_0 and Q5_0 as llama.cpp lays them out', () => {
    // Steps 0 to 15 and again; the farthest value is the first of each half.
    const values = Float32Array.from({ length: 32 }, (_, i) => (i % 16) / 8 - 1)
    expect([...encodeTensor(values, 'Q4_0')]).toEqual([
      0x00,
      0x30,
      ...Array.from({ length: 16 }, (_, i) => i * 17),
    ])
    const fine = Float32Array.from({ length: 32 }, (_, i) => i / 16 - 1)
    expect([...encodeTensor(fine, 'Q5_0')]).toEqual([
      0x00,
      0x2c,
      0x00,
      0x00,
      0xff,
      0xff,
      ...Array.from({ length: 16 }, (_, i) => i * 17),
    ])
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
