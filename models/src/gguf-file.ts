import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { checkLlamaGguf, type GgufSummary } from './gguf-check.ts'
import { GgufError, type GgufHeader } from './gguf-format.ts'
import { readGgufHeader, type GgufReadOptions } from './gguf-reader.ts'

/** The first read. Small models' headers fit; vocabularies of 128 k tokens need a few doublings. */
const FIRST_READ_BYTES = 1_048_576
/** Headers of published models stay below 20 MB. */
const MAX_HEADER_BYTES = 134_217_728

/**
 * Checks a GGUF file on disk by reading its header only, however large the file.
 * See {@link checkLlamaGguf}. @throws GgufError about its contents; Node's error for a file that
 * cannot be read.
 */
export const checkGgufFile = (path: string): Promise<GgufSummary> =>
  readHeader(path, (front, fileBytes) => checkLlamaGguf(front, { fileBytes }))

/** Reads the header of a GGUF file of any architecture. Throws as {@link checkGgufFile} does. */
export const readGgufFileHeader = (
  path: string,
  options: GgufReadOptions = {},
): Promise<GgufHeader> => readHeader(path, (front) => readGgufHeader(front, options))

/** Gives `read` more and more of a file's front until the header is in it. */
async function readHeader<T>(
  path: string,
  read: (front: Uint8Array, fileBytes: number) => T,
): Promise<T> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    for (let length = FIRST_READ_BYTES; ; length *= 2) {
      const front = await readFront(file, Math.min(length, size))
      try {
        return read(front, size)
      } catch (error) {
        const isCurable = error instanceof GgufError && error.code === 'truncated'
        if (!isCurable || length >= size || length >= MAX_HEADER_BYTES) throw error
      }
    }
  } finally {
    await file.close()
  }
}

/** SHA-256 of a file in lower-case hex, read as a stream. Takes about a second per gigabyte. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function readFront(file: FileHandle, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  const { bytesRead } = await file.read(bytes, 0, length, 0)
  return bytes.subarray(0, bytesRead)
}
