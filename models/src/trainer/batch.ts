/** A conversation as tokens: `trained[i]` tells whether the model must learn to predict token i. */
export type Document = { readonly tokens: readonly number[]; readonly trained: readonly boolean[] }

/** A run of tokens that see each other and nothing else. */
export type Segment = { readonly start: number; readonly length: number }

/** Documents laid end to end to exactly `size` tokens; the last one is cut where the batch ends. */
export type Batch = {
  readonly tokens: Int32Array
  /** Positions whose successor is to be predicted, and those successors. */
  readonly rows: readonly number[]
  readonly targets: readonly number[]
  readonly segments: readonly Segment[]
}

/** Fills a batch of `size` tokens from a source of documents. */
export function fillBatch(size: number, next: () => Document): Batch {
  const tokens = new Int32Array(size)
  const rows: number[] = []
  const targets: number[] = []
  const segments: Segment[] = []
  for (let start = 0; start < size;) {
    const document = next()
    const length = Math.min(document.tokens.length, size - start)
    for (let i = 0; i < length; i++) {
      tokens[start + i] = document.tokens[i] ?? 0
      const successor = document.tokens[i + 1]
      if (successor !== undefined && document.trained[i + 1]) {
        rows.push(start + i)
        targets.push(successor)
      }
    }
    segments.push({ start, length })
    start += length
  }
  return { tokens, rows, targets, segments }
}
