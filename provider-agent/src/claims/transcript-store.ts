import { encodeTranscript, type Transcript } from '@infernet/schemas/transcript'

export interface TranscriptStoreOptions {
  /** Bytes kept, over all transcripts. */
  readonly maxBytes: number
  /** How long the edge may ask for one. */
  readonly maxAgeMs: number
  /** The monotonic clock, in ms. */
  readonly now: () => number
}

interface Kept {
  readonly bytes: Uint8Array
  /** Of the monotonic clock. */
  readonly until: number
}

/**
 * Transcripts that may still have to be opened, by lease, in memory: prompts are other people's, and an
 * audit is asked for within moments or not at all. The oldest make room.
 */
export class TranscriptStore {
  readonly #options: TranscriptStoreOptions
  /** Insertion order is age. */
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  constructor(options: TranscriptStoreOptions) {
    this.#options = options
  }

  /** Bytes kept now. */
  get bytes(): number {
    return this.#bytes
  }

  keep(lease: string, transcript: Transcript): void {
    const { maxAgeMs, maxBytes, now } = this.#options
    const bytes = encodeTranscript(transcript)
    this.#drop(lease)
    this.#kept.set(lease, { bytes, until: now() + maxAgeMs })
    this.#bytes += bytes.length
    for (const [oldest, { until }] of this.#kept) {
      if (this.#bytes <= maxBytes && until > now()) return
      this.#drop(oldest)
    }
  }

  /** The bytes of a transcript, or undefined when it is not kept (any more). */
  open(lease: string): Uint8Array | undefined {
    const kept = this.#kept.get(lease)
    return kept !== undefined && kept.until > this.#options.now() ? kept.bytes : undefined
  }

  #drop(lease: string): void {
    this.#bytes -= this.#kept.get(lease)?.bytes.length ?? 0
    this.#kept.delete(lease)
  }
}
