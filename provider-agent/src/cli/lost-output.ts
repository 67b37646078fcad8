import { setImmediate as nextTurn } from 'node:timers/promises'
import { EXIT, OwnerError } from '../exit-codes.ts'

/** What a command has printed, as far as it was taken. */
export interface Output {
  /** Throws {@link OwnerError} where a part of it is lost; not for a reader that has left with enough. */
  taken(): Promise<void>
}

/**
 * Has the process outlive its standard output and error: a reader that leaves, or a full disk, stops no agent and
 * no upgrade half-way. What is written later is tried again.
 */
export function outliveOutput(): Output {
  let lost: Error | undefined
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') lost ??= error
  })
  process.stderr.on('error', () => {})
  return {
    async taken() {
      // Streams tell of an error after the write has returned.
      await nextTurn()
      if (lost === undefined) return
      throw new OwnerError(EXIT.failure, `cannot write what it shows: ${lost.message}`)
    },
  }
}
