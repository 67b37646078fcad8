import type { GgufHeader } from './gguf-format.ts'

const BLOCK = /^blk\.(\d+)\./
/** Of these an engine reads those that a router has chosen, or those that look at pictures or further ahead. */
const NOT_ALWAYS = /_exps\b|cross_attn|nextn/

/**
 * Bytes of weights that an engine reads for each token at the least: of all blocks, without experts, which a token may
 * pass by, and of the output. Of the embedding one row is read, unless it is the output too. 0 for a file of another kind.
 */
export function ggufTokenBytes({ metadata, tensors }: GgufHeader): number {
  const architecture = String(metadata.get('general.architecture'))
  const ahead = metadata.get(`${architecture}.nextn_predict_layers`)
  const blocks = metadata.get(`${architecture}.block_count`)
  const last = Number(blocks ?? 0) - Number(ahead ?? 0)
  let bytes = 0
  for (const { name, byteLength } of tensors.values()) {
    const [, block] = name.match(BLOCK) ?? []
    if (block !== undefined && Number(block) < last && !NOT_ALWAYS.test(name)) bytes += byteLength
  }
  if (bytes === 0) return 0
  const output = tensors.get('output.weight') ?? tensors.get('token_embd.weight')
  return bytes + (output?.byteLength ?? 0)
}
