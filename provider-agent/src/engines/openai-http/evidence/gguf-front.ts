import { GgufError } from '@infernet/models/gguf-format'
import { readGgufHeader } from '@infernet/models/gguf-reader'
import { ggufTokenBytes } from '@infernet/models/gguf-token-bytes'

/** Headers of published models stay below 20 MB. */
const MAX_HEADER_BYTES = 32 * 1024 * 1024

/**
 * Bytes of weights that each token reads at the least, by the front of a model's file. Undefined for one that is no
 * GGUF: what an engine makes of other files in memory may be smaller than they are.
 */
export async function tokenBytesIn(weights: AsyncIterable<Buffer>): Promise<number | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of weights) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= MAX_HEADER_BYTES) break
  }
  try {
    return ggufTokenBytes(readGgufHeader(Buffer.concat(chunks))) || undefined
  } catch (error) {
    if (error instanceof GgufError) return undefined
    throw error
  }
}
