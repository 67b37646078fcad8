import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'

/** Largest log of one child, bytes; it then starts anew, so that a forgotten `npm start` fills no disk. */
const MAX_LOG_BYTES = 64 << 20

/** One child's log, begun anew at every start. */
export class LogFile {
  readonly #file: number
  #bytes = 0

  constructor(path: string) {
    this.#file = openSync(path, 'w', 0o600)
  }

  write(line: string): void {
    if (this.#bytes > MAX_LOG_BYTES) {
      ftruncateSync(this.#file)
      this.#bytes = 0
    }
    this.#bytes += writeSync(this.#file, `${line}\n`, this.#bytes)
  }

  close(): void {
    closeSync(this.#file)
  }
}
