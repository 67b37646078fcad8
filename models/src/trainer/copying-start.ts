import type { LlamaConfig } from '../llama-config.ts'
import type { Random } from '../prng.ts'
import { normal, parameter, type Parameters } from './parameters.ts'

/** How sharply the first head looks at the previous token. */
const PREVIOUS_FOCUS = 1
/** How loudly the previous token is noted beside the current one. */
const NOTE_GAIN = 0.1
/** How sharply the second head matches notes with the current token. */
const MATCH_FOCUS = 1.5
/** How loudly the token after the match is proposed as the next. */
const PROPOSAL_GAIN = 0.3

/**
 * Starts two attention heads as an induction circuit: "what followed this token earlier in the
 * text?" Copying names, numbers and arguments rests on it. A model this small finds the circuit by
 * itself only after many millions of tokens, about as many as the whole training has; started like
 * this it copies after some hundred steps, and training refines it like any other weight.
 *
 * Head 0 of layer 0 attends to the previous token and notes it in the residual stream. Head 0 of
 * layer 1 looks for the position whose note matches the current token and proposes the token there.
 * Dimension 0 of every embedding is made a constant for head 0 to aim with.
 */
export function startCopyingHeads(
  parameters: Parameters,
  config: LlamaConfig,
  random: Random,
): void {
  const { width, headWidth: size } = config
  const weight = (name: string): Float32Array => parameter(parameters, `${name}.weight`).values
  const embedding = weight('token_embd')
  for (let at = 0; at < embedding.length; at += width) embedding[at] = CONSTANT

  const lookBack = { query: weight('blk.0.attn_q'), key: weight('blk.0.attn_k') }
  lookBack.query.fill(0, 0, size * width)
  lookBack.key.fill(0, 0, size * width)
  for (let i = 0; i < size; i += 2) {
    // The key is rotated one position ahead, so it meets the query of the next position head on.
    const angle = config.ropeBase ** (-i / size)
    lookBack.query[i * width] = PREVIOUS_FOCUS
    lookBack.key[i * width] = PREVIOUS_FOCUS * Math.cos(angle)
    lookBack.key[(i + 1) * width] = PREVIOUS_FOCUS * Math.sin(angle)
  }

  const content = projection(random, size, width)
  const note = projection(random, size, width)
  const proposal = projection(random, size, width)
  fillRows(weight('blk.0.attn_v'), content, 1)
  fillColumns(weight('blk.0.attn_output'), note, NOTE_GAIN)
  // Only the slowly rotating half of the head: matching must not depend on the distance.
  const slow = (row: number): boolean => row >= size / 2
  fillRows(weight('blk.1.attn_q'), content.map(keepRows(slow)), MATCH_FOCUS)
  fillRows(weight('blk.1.attn_k'), note.map(keepRows(slow)), MATCH_FOCUS)
  fillRows(weight('blk.1.attn_v'), proposal, 1)
  fillColumns(weight('blk.1.attn_output'), proposal, PROPOSAL_GAIN)
}

/** The constant in every embedding: five times the spread of the others. */
const CONSTANT = 0.6

/** Random directions that leave out the constant dimension, nearly orthonormal. */
function projection(random: Random, rows: number, width: number): number[][] {
  return Array.from({ length: rows }, () =>
    Array.from({ length: width }, (_, i) => (i === 0 ? 0 : normal(random) / Math.sqrt(width))),
  )
}

function keepRows(keep: (row: number) => boolean) {
  return (values: readonly number[], row: number): number[] =>
    values.map((value) => (keep(row) ? value : 0))
}

/** Sets the first rows of a `[out][in]` matrix. */
function fillRows(weight: Float32Array, rows: readonly number[][], gain: number): void {
  rows.forEach((row, i) =>
    weight.set(
      row.map((value) => gain * value),
      i * row.length,
    ),
  )
}

/** Sets the first columns of a square `[out][in]` matrix. */
function fillColumns(weight: Float32Array, columns: readonly number[][], gain: number): void {
  columns.forEach((column, i) => {
    column.forEach((value, row) => {
      weight[row * column.length + i] = gain * value
    })
  })
}
