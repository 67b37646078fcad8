import { compileKernel } from './compile-kernel.ts'

/** 32-bit floats inside the kernel's memory. */
export type Floats = Float32Array<ArrayBuffer>

/** A matrix inside the kernel's memory: element (i, j) is at `start + i × rowStride + j × columnStride`. */
export type Matrix = {
  readonly data: Floats
  readonly start: number
  readonly rowStride: number
  readonly columnStride: number
}

/** Sizes of a product: an m × k matrix times a k × n matrix. */
export type ProductSize = { readonly m: number; readonly n: number; readonly k: number }

type Exports = {
  gemm(
    m: number,
    n: number,
    k: number,
    a: number,
    aRow: number,
    aColumn: number,
    b: number,
    bRow: number,
    bColumn: number,
    c: number,
    cRow: number,
    alpha: number,
    accumulate: boolean,
    work: number,
  ): void
  causalSoftmax(scores: number, n: number): void
  causalSoftmaxBackward(weights: number, gradient: number, n: number): void
  swiGlu(gate: number, up: number, out: number, count: number): void
  swiGluBackward(gate: number, up: number, gradient: number, upGradient: number, n: number): void
  crossEntropy(
    logits: number,
    targets: number,
    likelihood: number,
    rows: number,
    width: number,
  ): void
  readonly memory: { readonly buffer: ArrayBuffer }
  sumSquares(values: number, count: number): number
  adamW(
    parameters: number,
    gradients: number,
    mean: number,
    square: number,
    count: number,
    rate: number,
    decay: number,
    beta1: number,
    beta2: number,
    correction1: number,
    correction2: number,
    clip: number,
  ): void
}

/** WebAssembly memory comes in pages of 64 KiB. */
const PAGE_BYTES = 65_536
/** What the compiled module keeps for itself at the bottom of memory. */
const RESERVED_BYTES = 65_536

/** The part of the WebAssembly API used here; its full types come only with the DOM library. */
type WebAssemblyApi = {
  instantiate(module: Uint8Array): Promise<{ readonly instance: { readonly exports: unknown } }>
}

/** The compiled kernel with a bump allocator over its memory. Nothing is ever freed. */
export class Kernel {
  readonly #exports: Exports
  readonly #work: number
  #top = RESERVED_BYTES

  private constructor(exports: Exports, workFloats: number) {
    this.#exports = exports
    this.#work = this.floats(workFloats).byteOffset
  }

  /**
   * Compiles and starts a kernel with `bytes` of memory.
   * `workFloats`: room for packing, at least (n + 12) × k for the largest product.
   */
  static async start(bytes: number, workFloats: number): Promise<Kernel> {
    const pages = Math.ceil((bytes + RESERVED_BYTES + workFloats * 4) / PAGE_BYTES)
    const { WebAssembly: api } = globalThis as unknown as { WebAssembly: WebAssemblyApi }
    const { instance } = await api.instantiate(await compileKernel(pages))
    return new Kernel(instance.exports as Exports, workFloats)
  }

  /** Allocates `count` zeroed floats, aligned to a cache line. Throws RangeError when full. */
  floats(count: number): Floats {
    return new Float32Array(this.#exports.memory.buffer, this.#take(count * 4), count)
  }

  /** Allocates `count` zeroed 32-bit integers. */
  ints(count: number): Int32Array {
    return new Int32Array(this.#exports.memory.buffer, this.#take(count * 4), count)
  }

  /** c = alpha × a·b, or c += that with `accumulate`; c's columns must be adjacent. */
  multiply(
    { m, n, k }: ProductSize,
    a: Matrix,
    b: Matrix,
    c: Matrix,
    { alpha = 1, accumulate = false } = {},
  ): void {
    this.#exports.gemm(
      m,
      n,
      k,
      address(a),
      a.rowStride,
      a.columnStride,
      address(b),
      b.rowStride,
      b.columnStride,
      address(c),
      c.rowStride,
      alpha,
      accumulate,
      this.#work,
    )
  }

  /** Rows of a square score matrix become softmaxes over columns up to the diagonal. */
  causalSoftmax(scores: Matrix, n: number): void {
    this.#exports.causalSoftmax(address(scores), n)
  }

  /** Turns the gradient of the attention weights into that of the scores, in place. */
  causalSoftmaxBackward(weights: Matrix, gradient: Matrix, n: number): void {
    this.#exports.causalSoftmaxBackward(address(weights), address(gradient), n)
  }

  /** out = silu(gate) × up. */
  swiGlu(gate: Floats, up: Floats, out: Floats): void {
    this.#exports.swiGlu(gate.byteOffset, up.byteOffset, out.byteOffset, out.length)
  }

  /** From the gradient of swiGlu's output: gate's (in its place) and up's. */
  swiGluBackward(gate: Floats, up: Floats, gradient: Floats, upGradient: Floats): void {
    this.#exports.swiGluBackward(
      gate.byteOffset,
      up.byteOffset,
      gradient.byteOffset,
      upGradient.byteOffset,
      gradient.length,
    )
  }

  /** Logits become the gradient of the mean cross-entropy; `likelihood` gets the targets' odds. */
  crossEntropy(logits: Floats, targets: Int32Array, likelihood: Floats, rows: number): void {
    this.#exports.crossEntropy(
      logits.byteOffset,
      targets.byteOffset,
      likelihood.byteOffset,
      rows,
      logits.length / likelihood.length,
    )
  }

  /** Sum of squares in double precision. */
  sumSquares(values: Floats): number {
    return this.#exports.sumSquares(values.byteOffset, values.length)
  }

  /** One AdamW update in place. */
  adamW(
    state: { parameters: Floats; gradients: Floats; mean: Floats; square: Floats },
    rates: {
      rate: number
      decay: number
      beta1: number
      beta2: number
      correction1: number
      correction2: number
      clip: number
    },
  ): void {
    this.#exports.adamW(
      state.parameters.byteOffset,
      state.gradients.byteOffset,
      state.mean.byteOffset,
      state.square.byteOffset,
      state.parameters.length,
      rates.rate,
      rates.decay,
      rates.beta1,
      rates.beta2,
      rates.correction1,
      rates.correction2,
      rates.clip,
    )
  }

  #take(bytes: number): number {
    const start = this.#top
    this.#top += Math.ceil(bytes / 64) * 64
    if (this.#top > this.#exports.memory.buffer.byteLength) {
      throw new RangeError(
        `the kernel's memory of ${this.#exports.memory.buffer.byteLength} bytes is full`,
      )
    }
    return start
  }
}

/** `data` as rows of `rowStride` floats, beginning at `start`. */
export function matrix(data: Floats, rowStride: number, start = 0): Matrix {
  return { data, start, rowStride, columnStride: 1 }
}

/** The same elements with rows and columns exchanged. */
export function transposed(of: Matrix): Matrix {
  return { ...of, rowStride: of.columnStride, columnStride: of.rowStride }
}

function address({ data, start }: Matrix): number {
  return data.byteOffset + start * 4
}
