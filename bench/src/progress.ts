import type { WriteStream } from 'node:tty'

/** Tells a person what goes on; written to stderr so that stdout holds only the result. */
export interface Progress {
  step(text: string): void
  done(): void
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** One line that turns on a terminal; one line for each step elsewhere. It moves only with steps, so it costs nothing while measuring. */
export function createProgress(stream: Pick<WriteStream, 'write' | 'isTTY'>): Progress {
  let steps = 0
  if (!stream.isTTY)
    return { step: (text) => void stream.write(`${text}\n`), done: () => undefined }
  return {
    step: (text) => {
      steps += 1
      stream.write(`\r\u001B[2K${FRAMES[steps % FRAMES.length]} ${text}`)
    },
    done: () => void stream.write('\r\u001B[2K'),
  }
}
