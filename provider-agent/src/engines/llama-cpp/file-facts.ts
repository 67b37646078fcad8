import { stat } from 'node:fs/promises'
import { checkGgufFile } from '@infernet/models/gguf-file'
import type { GgufSummary } from '@infernet/models/gguf-check'
import { errorMessage } from '../../error-message.ts'
import { EngineStartError } from '../engine.ts'
import { fileHash } from '../local-spec.ts'

/** What a model's file says of the model. */
export interface FileFacts {
  /** Another when the file is. */
  readonly mark: string
  readonly summary: GgufSummary
  /** SHA-256, hex, of the file. */
  readonly weights: Promise<string>
}

/**
 * Reads a model's file; its hash takes longer, and is there later. llama.cpp aborts on some malformed files, so ours is
 * the first look at every one. Throws {@link EngineStartError}.
 */
export async function readFileFacts(path: string): Promise<FileFacts> {
  try {
    const mark = await markOf(path)
    const summary = await checkGgufFile(path)
    const weights = fileHash(path)
    // Told by who waits for it, or not at all where the file cannot be loaded either.
    weights.catch(() => {})
    return { mark, summary, weights }
  } catch (cause) {
    const reason = errorMessage(cause)
    throw new EngineStartError(`${path} is not a model llama.cpp can load: ${reason}`, { cause })
  }
}

/** The facts as they are now: read anew where the file has been replaced, as it may be while nobody has it open. */
export const freshFileFacts = async (path: string, known: FileFacts): Promise<FileFacts> =>
  (await markOf(path)) === known.mark ? known : readFileFacts(path)

async function markOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true })
  return `${dev} ${ino} ${size} ${mtimeNs}`
}
