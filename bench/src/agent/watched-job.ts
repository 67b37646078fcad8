import { visitStamps } from '../chunk-stamp.ts'
import type { AgentLoad } from './agent-load.ts'

const LF = 10

/**
 * One job, watched at both ends of an agent by one clock. All times in µs. Events of a stream are known by
 * their place: an agent may send several together, and must not change their order.
 */
export class WatchedJob {
  readonly number: number
  readonly load: AgentLoad
  /** From the job's frame to the engine's request. */
  askUs: number | undefined
  /** From the engine's chunk to its frame, in order; of a JSON answer, from its first byte to the frame's. */
  readonly chunkUs: number[] = []
  #sentUs = Number.NaN
  readonly #writtenUs: number[] = []
  readonly #parts: Uint8Array[] = []
  readonly #over = Promise.withResolvers<string | undefined>()
  #endsWithLf = false

  constructor(number: number, load: AgentLoad) {
    this.number = number
    this.load = load
  }

  /** What was wrong, if anything, when it is over. */
  get over(): Promise<string | undefined> {
    return this.#over.promise
  }

  /** Its frame is about to go out. */
  sent(atUs: number): void {
    this.#sentUs = atUs
  }

  /** The engine has the request. */
  asked(atUs: number): void {
    this.askUs = atUs - this.#sentUs
  }

  /** The engine is about to write an event, or a whole JSON answer. */
  wrote(atUs: number): void {
    this.#writtenUs.push(atUs)
  }

  /** The edge has bytes of the answer. */
  got(bytes: Uint8Array, atUs: number): void {
    this.#parts.push(bytes)
    if (this.load.stream) this.#countEvents(bytes, atUs)
    else if (this.chunkUs.length === 0) this.#arrived(atUs)
  }

  #countEvents(bytes: Uint8Array, atUs: number): void {
    if (this.#endsWithLf && bytes[0] === LF) this.#arrived(atUs)
    for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) {
      if (bytes[at + 1] === LF) this.#arrived(atUs)
    }
    this.#endsWithLf = bytes.at(-1) === LF && bytes.at(-2) !== LF
  }

  /** What comes behind the last chunk was not written to be timed. */
  #arrived(atUs: number): void {
    const writtenUs = this.#writtenUs[this.chunkUs.length]
    if (writtenUs !== undefined) this.chunkUs.push(atUs - writtenUs)
  }

  /** The edge has been told that the answer is whole. */
  ended(): void {
    this.#over.resolve(this.#problem())
  }

  failed(reason: string): void {
    this.#over.resolve(reason)
  }

  #problem(): string | undefined {
    if (this.askUs === undefined) return 'the engine was not asked'
    const { chunks, stream } = this.load
    const stamps: number[] = []
    visitStamps(Buffer.concat(this.#parts).toString('latin1'), (stamp) => stamps.push(stamp))
    const isOrdered = stamps.every((stamp, place) => stamp === place)
    if (!isOrdered || stamps.length !== chunks) return `${stamps.length} of ${chunks} chunks`
    const events = stream ? chunks + 1 : 1
    return this.chunkUs.length === events ? undefined : `${this.chunkUs.length} of ${events} events`
  }
}
