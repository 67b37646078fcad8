import type { CommandRunner } from './command-runner.ts'

/** NVIDIA's ids of cards and of parts of one, and the serial numbers that AMD's tools write: sixteen hex digits. */
const IDS = /\b(GPU|MIG)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b0x[0-9a-f]{16}\b/gi

/**
 * Runs programs, and keeps what they say in the form of `sample-outputs/`, so that what a real card says becomes a
 * test. Ids of cards are replaced by numbers, the same by the same.
 */
export class Recording {
  readonly #run: CommandRunner
  readonly #parts: string[] = []
  readonly #ids = new Map<string, string>()

  constructor(run: CommandRunner) {
    this.#run = run
  }

  readonly run: CommandRunner = async (file, args) => {
    const result = await this.#run(file, args)
    // A program that is missing says nothing.
    if (result.code !== undefined) {
      const said = result.stdout + result.stderr
      const lines = said === '' || said.endsWith('\n') ? said : `${said}\n`
      this.#parts.push(
        `$ ${[file, ...args].join(' ')}\n${this.#hidden(lines)}exit ${result.code}\n`,
      )
    }
    return result
  }

  /** Empty where no program was there. */
  get text(): string {
    return this.#parts.join('')
  }

  #hidden(text: string): string {
    return text.replaceAll(IDS, (id, kind: string | undefined) => {
      const known = this.#ids.get(id)
      if (known !== undefined) return known
      const number = String(this.#ids.size + 1)
      const made =
        kind === undefined
          ? `0x${number.padStart(16, '0')}`
          : `${kind}-00000000-0000-0000-0000-${number.padStart(12, '0')}`
      this.#ids.set(id, made)
      return made
    })
  }
}
