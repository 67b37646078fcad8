import type { ChunkScanner } from './chunk-scanner.ts'

/**
 * Raw bytes of text kept per answer: 200,000 tokens of English. Past it a stream is not continued;
 * few are as long, and each holds its buffer as long as it runs.
 */
export const MAX_DELIVERED_TEXT_BYTES = 1024 * 1024

const FIRST_CAPACITY = 1024
/** Below this many bytes a loop is cheaper than the view that `set` needs. */
const SHORT_COPY = 32

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

/** Why nobody can go on from what was delivered. */
export type TextObstacle =
  /** Chunks of several choices, or of one that nobody asked for. */
  | 'choices'
  /** Something beside plain text, which cannot be handed over: reasoning, a refusal, calls, sound. */
  | 'other_output'
  | 'too_long'
  /** The text ends in, or consists of, parts of characters. */
  | 'half_character'

/**
 * The plain text of a one-choice stream as far as the client got it: what another provider must be
 * given to go on, and what the tokens of its provider are compared with. Per token it copies a few
 * bytes, still in JSON's escapes; the text is decoded only when somebody asks.
 */
export class DeliveredText {
  #raw = new Uint8Array(FIRST_CAPACITY)
  #length = 0
  #obstacle: TextObstacle | undefined
  /** Where the parts of earlier providers end in it. */
  readonly #ends: number[] = []
  /** Some of it is missing, for it was too long. */
  isCut = false

  /** Takes a delivered chunk, just scanned in `buffer`. */
  add(buffer: Uint8Array, chunk: ChunkScanner): void {
    const { contentStart: start, contentEnd: end } = chunk
    if (chunk.choices !== 1 || chunk.index !== 0) this.#obstacle ??= 'choices'
    else if (chunk.otherOutput) this.#obstacle ??= 'other_output'
    if (end > start && chunk.index === 0 && !this.isCut) this.#append(buffer, start, end)
  }

  /** Undefined while another provider could go on. Decodes the text: not for every token. */
  get obstacle(): TextObstacle | undefined {
    return this.#obstacle ?? (this.text().isWellFormed() ? undefined : 'half_character')
  }

  /** All of the text that was plain; empty when it is cut. */
  text(): string {
    return this.#decode(0, this.#length)
  }

  /** What comes now is another provider's. */
  nextPart(): void {
    this.#ends.push(this.#length)
  }

  /** What one provider delivered of it; the first is 0. */
  part(n: number): string {
    return this.#decode(n === 0 ? 0 : (this.#ends[n - 1] ?? 0), this.#ends[n] ?? this.#length)
  }

  #decode(start: number, end: number): string {
    // The scanner has seen that these are valid string contents, and they stay so side by side.
    return JSON.parse(`"${decoder.decode(this.#raw.subarray(start, end))}"`) as string
  }

  #append(buffer: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start
    if (length > MAX_DELIVERED_TEXT_BYTES) return this.#cut()
    // The second half of a character whose first half no reader could use.
    if (((buffer[start] ?? 0) & 0xc0) === 0x80) this.#obstacle ??= 'half_character'
    if (length > this.#raw.length) this.#grow(length)
    if (end - start <= SHORT_COPY) {
      for (let from = start, to = this.#length; from < end; from++, to++) {
        this.#raw[to] = buffer[from] ?? 0
      }
    } else this.#raw.set(buffer.subarray(start, end), this.#length)
    this.#length = length
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.max(length, this.#raw.length * 2))
    grown.set(this.#raw.subarray(0, this.#length))
    this.#raw = grown
  }

  #cut(): void {
    this.isCut = true
    this.#obstacle ??= 'too_long'
    this.#raw = new Uint8Array(0)
    this.#length = 0
  }
}
