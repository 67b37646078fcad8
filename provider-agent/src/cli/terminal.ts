import type { LineStream } from './line-writer.ts'

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const FRAME_MS = 80
const CLEAR_LINE = '\r\u001B[2K'

/** Lines for people, with at most one moving line below them. */
export interface Terminal {
  line(text: string): void
  /** Starts, changes or (undefined) ends the moving line. */
  spin(text: string | undefined): void
}

/** Writes to `stream`; only a real terminal gets the moving line. */
export function terminal(stream: LineStream): Terminal {
  let spinning: string | undefined
  let timer: NodeJS.Timeout | undefined
  let frame = 0
  const draw = (): void => {
    stream.write(`${CLEAR_LINE}${FRAMES[frame++ % FRAMES.length]} ${spinning}`)
  }
  const clear = (): void => {
    if (spinning !== undefined) stream.write(CLEAR_LINE)
  }
  return {
    line(text) {
      clear()
      stream.write(`${text}\n`)
      if (spinning !== undefined) draw()
    },
    spin(text) {
      if (stream.isTTY !== true) return
      clear()
      spinning = text
      clearInterval(timer)
      timer = undefined
      if (text === undefined) return
      draw()
      timer = setInterval(draw, FRAME_MS).unref()
    },
  }
}
