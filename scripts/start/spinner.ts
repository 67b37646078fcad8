const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const FRAME_MS = 80

/** Says what is being waited for: turning on a terminal, a line each elsewhere. */
export class Spinner {
  readonly #stream: NodeJS.WriteStream
  #text = ''
  #frame = 0
  #timer: NodeJS.Timeout | undefined

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show(text: string): void {
    this.#text = text
    if (!this.#stream.isTTY) {
      this.#stream.write(`${text}…\n`)
      return
    }
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS)
    this.#draw()
  }

  stop(): void {
    clearInterval(this.#timer)
    if (this.#timer !== undefined) this.#stream.write('\r\u001b[K')
    this.#timer = undefined
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % FRAMES.length
    this.#stream.write(`\r\u001b[K${FRAMES[this.#frame]} ${this.#text}…`)
  }
}
