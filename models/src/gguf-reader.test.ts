import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_ALIGNMENT, GgufError } from './gguf-format.ts'
import { MAX_ARRAY_ITEMS, readGgufHeader, requiredFileBytes } from './gguf-reader.ts'
import { writeGguf, type MetadataEntry, type WritableTensor } from './gguf-writer.ts'

const entry: fc.Arbitrary<MetadataEntry> = fc.oneof(
  fc.record({
    key: fc.string({ minLength: 1 }),
    type: fc.constant('u32' as const),
    value: fc.nat(),
  }),
  fc.record({
    key: fc.string({ minLength: 1 }),
    type: fc.constant('i32' as const),
    value: fc.integer(),
  }),
  fc.record({
    key: fc.string({ minLength: 1 }),
    type: fc.constant('f32' as const),
    value: fc.float({ noNaN: true }),
  }),
  fc.record({
    key: fc.string({ minLength: 1 }),
    type: fc.constant('bool' as const),
    value: fc.boolean(),
  }),
  fc.record({
    key: fc.string({ minLength: 1 }),
    type: fc.constant('string' as const),
    value: fc.string(),
  }),
  fc.record({
    key: fc.string({ minLength: 1 }),
    type: fc.constant('strings' as const),
    value: fc.array(fc.string()),
  }),
  fc.record({
    key: fc.string({ minLength: 1 }),
    type: fc.constant('i32s' as const),
    value: fc.array(fc.integer()),
  }),
)
const entries = fc
  .uniqueArray(entry, { selector: ({ key }) => key, maxLength: 8 })
  .filter((list) => list.every(({ key }) => key !== 'general.alignment'))

const tensor: fc.Arbitrary<WritableTensor> = fc
  .record({
    name: fc.string({ minLength: 1, maxLength: 15 }),
    rows: fc.integer({ min: 1, max: 3 }),
    type: fc.constantFrom('F32' as const, 'F16' as const, 'Q8_0' as const),
  })
  .map(({ name, rows, type }) => ({
    name,
    dimensions: [32, rows],
    type,
    values: Float32Array.from({ length: 32 * rows }, (_, i) => i),
  }))
const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 4 })

const SAMPLE = writeGguf(
  [
    { key: 'general.architecture', type: 'string', value: 'llama' },
    { key: 'list', type: 'strings', value: ['a', 'bc', ''] },
    { key: 'numbers', type: 'i32s', value: [1, -2] },
    { key: 'flag', type: 'bool', value: true },
  ],
  [
    { name: 'one', dimensions: [3], type: 'F32', values: new Float32Array(3) },
    { name: 'two', dimensions: [32, 2], type: 'Q8_0', values: new Float32Array(64) },
  ],
)

/** The error a reader throws on `bytes`; fails for any other outcome. */
function refusal(bytes: Uint8Array): GgufError {
  try {
    readGgufHeader(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(GgufError)
    return error as GgufError
  }
  throw new Error('the reader accepted it')
}

/** A copy of `bytes` with a little-endian u64 written at `offset`. */
function withU64(bytes: Uint8Array, offset: number, value: bigint): Uint8Array {
  const copy = bytes.slice()
  new DataView(copy.buffer).setBigUint64(offset, value, true)
  return copy
}

describe('the GGUF reader', () => {
  it('reads what the writer wrote', () => {
    fc.assert(
      fc.property(entries, tensors, (metadata, list) => {
        const file = writeGguf(metadata, list)
        const header = readGgufHeader(file)
        expect(header.version).toBe(3)
        for (const { key, type, value } of metadata) {
          const read = header.metadata.get(key)
          expect(typeof read === 'object' ? read.items : read).toEqual(
            type === 'f32' ? Math.fround(value) : value,
          )
        }
        expect([...header.tensors.keys()]).toEqual(list.map(({ name }) => name))
        for (const { name, dimensions, type } of list) {
          const read = header.tensors.get(name)!
          expect(read.dimensions).toEqual(dimensions)
          expect(read.encoding.name).toBe(type)
          expect((header.dataStart + read.offset) % DEFAULT_ALIGNMENT).toBe(0)
        }
        expect(requiredFileBytes(header)).toBeLessThanOrEqual(file.byteLength)
      }),
    )
  })

  it('reads over long lists, and all else as before', () => {
    fc.assert(
      fc.property(entries, tensors, fc.nat(4), (metadata, list, maxItems) => {
        const file = writeGguf(metadata, list)
        const whole = readGgufHeader(file)
        const lean = readGgufHeader(file, { maxItems })
        expect({ ...lean, metadata: undefined }).toEqual({ ...whole, metadata: undefined })
        for (const [key, value] of whole.metadata) {
          const isLong = typeof value === 'object' && value.items.length > maxItems
          expect(lean.metadata.get(key)).toEqual(isLong ? { ...value, items: [] } : value)
        }
      }),
    )
  })

  it('says "truncated" wherever the header is cut', () => {
    const { dataStart } = readGgufHeader(SAMPLE)
    const headerEnd = dataStart - DEFAULT_ALIGNMENT
    for (let length = 0; length <= headerEnd; length++) {
      expect(refusal(SAMPLE.subarray(0, length)).code).toBe('truncated')
    }
  })

  it('throws nothing but GgufError, whatever bytes are changed', () => {
    const changes = fc.array(
      fc.tuple(fc.nat(SAMPLE.byteLength - 1), fc.integer({ min: 0, max: 255 })),
      { minLength: 1, maxLength: 6 },
    )
    fc.assert(
      fc.property(changes, (list) => {
        const bytes = SAMPLE.slice()
        for (const [offset, value] of list) bytes[offset] = value
        try {
          readGgufHeader(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(GgufError)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('throws nothing but GgufError on noise after a valid front', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.uint8Array({ maxLength: 200 }), (front, noise) => {
        const bytes = new Uint8Array([...SAMPLE.subarray(0, front), ...noise])
        try {
          readGgufHeader(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(GgufError)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('refuses absurd 64-bit numbers at every offset without allocating for them', () => {
    for (const value of [
      2n ** 64n - 1n,
      2n ** 63n,
      2n ** 53n,
      2n ** 40n,
      BigInt(MAX_ARRAY_ITEMS),
    ]) {
      for (let offset = 4; offset + 8 <= SAMPLE.byteLength; offset++) {
        try {
          readGgufHeader(withU64(SAMPLE, offset, value))
        } catch (error) {
          expect(error).toBeInstanceOf(GgufError)
        }
      }
    }
  })

  it('bounds an array by the bytes that are left', () => {
    const list = writeGguf([{ key: 'k', type: 'strings', value: [] }], [])
    // magic, version, two counts, key length and 'k', value type, item type
    const lengthAt = 4 + 4 + 16 + 8 + 1 + 4 + 4
    expect(refusal(withU64(list, lengthAt, BigInt(MAX_ARRAY_ITEMS))).code).toBe('truncated')
    expect(refusal(withU64(list, lengthAt, BigInt(MAX_ARRAY_ITEMS + 1))).code).toBe(
      'limit_exceeded',
    )
  })

  it.each([
    ['another format', new TextEncoder().encode('PK\u0003\u0004 not a model'), 'not_gguf'],
    ['version 1', Uint8Array.of(0x47, 0x47, 0x55, 0x46, 1, 0, 0, 0), 'not_gguf'],
    ['a big-endian file', Uint8Array.of(0x47, 0x47, 0x55, 0x46, 0, 0, 0, 3), 'not_gguf'],
    ['a key twice', writeGguf([textEntry('a'), textEntry('a')], []), 'malformed'],
    ['an empty key', writeGguf([textEntry('')], []), 'malformed'],
    ['a tensor twice', writeGguf([], [oneTensor('a'), oneTensor('a')]), 'malformed'],
    ['a long tensor name', writeGguf([], [oneTensor('x'.repeat(64))]), 'limit_exceeded'],
    ['an odd alignment', writeGguf([alignment(24)], []), 'malformed'],
    ['alignment zero', writeGguf([alignment(0)], []), 'malformed'],
    [
      'five dimensions',
      writeGguf([], [{ ...oneTensor('a'), dimensions: [1, 1, 1, 1, 1] }]),
      'malformed',
    ],
  ])('refuses %s', (_what, bytes, code) => {
    expect(refusal(bytes).code).toBe(code)
  })

  it('refuses tensors that overlap or leave gaps', () => {
    const file = writeGguf([], [oneTensor('a'), oneTensor('b')])
    const secondOffset = readGgufHeader(file).tensors.get('b')!.offset
    const infoEnd = 4 + 4 + 16 + 2 * (8 + 1 + 4 + 8 + 4 + 8)
    expect(refusal(withU64(file, infoEnd - 8, 0n)).code).toBe('malformed')
    expect(refusal(withU64(file, infoEnd - 8, BigInt(secondOffset + 32))).code).toBe('malformed')
  })
})

function textEntry(key: string): MetadataEntry {
  return { key, type: 'string', value: '' }
}

function alignment(value: number): MetadataEntry {
  return { key: 'general.alignment', type: 'u32', value }
}

function oneTensor(name: string): WritableTensor {
  return { name, dimensions: [1], type: 'F32', values: new Float32Array(1) }
}
