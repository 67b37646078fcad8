/**
 * The GGUF container format, version 2 and 3, little-endian: numbers, names and limits shared by
 * the reader and the writer. Layout: magic, version, tensor count, key count, key/value pairs,
 * tensor descriptions, padding, tensor data.
 */

/** `"GGUF"` read as a little-endian u32. */
export const GGUF_MAGIC = 0x46554747

/** Tensor data starts at a multiple of this many bytes unless `general.alignment` says otherwise. */
export const DEFAULT_ALIGNMENT = 32

/** Type tags of metadata values. */
export const VALUE_TYPE = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const

export type ValueTypeName = keyof typeof VALUE_TYPE

/** Metadata arrays are kept as plain arrays; 64-bit integers outside the safe range stay bigint. */
export type GgufScalar = number | bigint | boolean | string
export type GgufValue = GgufScalar | GgufArray
export type GgufArray = { readonly itemType: ValueTypeName; readonly items: readonly GgufScalar[] }

/** How a tensor type is stored: `bytes` hold `block` consecutive elements of one row. */
export type TensorEncoding = {
  readonly name: string
  readonly block: number
  readonly bytes: number
}

/** Every tensor type llama.cpp v0.5.0 loads, by its number in the file. */
export const TENSOR_ENCODINGS: ReadonlyMap<number, TensorEncoding> = new Map(
  (
    [
      [0, 'F32', 1, 4],
      [1, 'F16', 1, 2],
      [2, 'Q4_0', 32, 18],
      [3, 'Q4_1', 32, 20],
      [6, 'Q5_0', 32, 22],
      [7, 'Q5_1', 32, 24],
      [8, 'Q8_0', 32, 34],
      [9, 'Q8_1', 32, 36],
      [10, 'Q2_K', 256, 84],
      [11, 'Q3_K', 256, 110],
      [12, 'Q4_K', 256, 144],
      [13, 'Q5_K', 256, 176],
      [14, 'Q6_K', 256, 210],
      [15, 'Q8_K', 256, 292],
      [16, 'IQ2_XXS', 256, 66],
      [17, 'IQ2_XS', 256, 74],
      [18, 'IQ3_XXS', 256, 98],
      [19, 'IQ1_S', 256, 50],
      [20, 'IQ4_NL', 32, 18],
      [21, 'IQ3_S', 256, 110],
      [22, 'IQ2_S', 256, 82],
      [23, 'IQ4_XS', 256, 136],
      [24, 'I8', 1, 1],
      [25, 'I16', 1, 2],
      [26, 'I32', 1, 4],
      [27, 'I64', 1, 8],
      [28, 'F64', 1, 8],
      [29, 'IQ1_M', 256, 56],
      [30, 'BF16', 1, 2],
      [34, 'TQ1_0', 256, 54],
      [35, 'TQ2_0', 256, 66],
      [39, 'MXFP4', 32, 17],
      [40, 'NVFP4', 64, 36],
      [41, 'Q1_0', 128, 18],
      [42, 'Q2_0', 64, 18],
    ] as const
  ).map(([id, name, block, bytes]) => [id, { name, block, bytes }]),
)

/** One tensor's description. `dimensions[0]` is the row length; `offset` counts from the data start. */
export type GgufTensor = {
  readonly name: string
  readonly dimensions: readonly number[]
  readonly encoding: TensorEncoding
  readonly elements: number
  readonly byteLength: number
  readonly offset: number
}

/** A parsed header. `dataStart` is the file offset, in bytes, of the first tensor's data. */
export type GgufHeader = {
  readonly version: number
  readonly alignment: number
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly tensors: ReadonlyMap<string, GgufTensor>
  readonly dataStart: number
}

export type GgufErrorCode =
  /** The bytes end before the header does. The only code that more bytes can cure. */
  | 'truncated'
  /** Not a GGUF file, or a version we do not read. */
  | 'not_gguf'
  /** A count, length or size beyond our limits. */
  | 'limit_exceeded'
  /** A value that contradicts the format: unknown type, duplicate name, misaligned offset… */
  | 'malformed'
  /** Well-formed, but a key or tensor the architecture needs is absent or of the wrong shape. */
  | 'incomplete_model'
  /** Well-formed, but not something this code can load. */
  | 'unsupported'

/** The only error the GGUF reader, writer and checker throw about the bytes they are given. */
export class GgufError extends Error {
  override readonly name = 'GgufError'
  readonly code: GgufErrorCode

  constructor(code: GgufErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
