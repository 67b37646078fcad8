import { createReadStream } from 'node:fs'
import { errorMessage } from './error-message.ts'

export class InputError extends Error {
  override readonly name = 'InputError'
  readonly code = 'bad_input'
}

/**
 * The text of a file, or of standard input (`-`); a pipe may not have it yet. Rejects with {@link InputError}
 * when it cannot be read, or is longer than `maxBytes`.
 */
export async function readInput(source: string, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of source === '-' ? process.stdin : createReadStream(source)) {
      const bytes = Buffer.from(chunk as Uint8Array)
      length += bytes.length
      if (length > maxBytes) break
      chunks.push(bytes)
    }
  } catch (cause) {
    const reason = errorMessage(cause)
    throw new InputError(`cannot read ${source}: ${reason}`, { cause })
  }
  if (length <= maxBytes) return Buffer.concat(chunks).toString('utf8')
  throw new InputError(`cannot read ${source}: it is longer than ${maxBytes} bytes`)
}
