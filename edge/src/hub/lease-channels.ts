import { CONNECTION_CHANNEL, FRAME, type Frame } from '@infernet/schemas/frame'
import {
  busySchema,
  decodeControl,
  endSchema,
  errorSchema,
  headSchema,
  WireError,
} from '@infernet/schemas/wire'
import type { Attempt } from './attempt.ts'
import type { JobRun } from './job-run.ts'

/** The channels of one connection: each carries one lease, and none is used twice. */
export class LeaseChannels {
  /** By channel, those that are under way. */
  readonly #attempts = new Map<number, Attempt>()
  #last = CONNECTION_CHANNEL
  /** Jobs that the message at hand has brought something of. */
  readonly #touched: JobRun[] = []

  /** Leases under way. */
  get size(): number {
    return this.#attempts.size
  }

  /** A channel that no lease has had. */
  next(): number {
    return ++this.#last
  }

  add(attempt: Attempt): void {
    this.#attempts.set(attempt.channel, attempt)
  }

  /** Its lease is over: the channel is dead. */
  release({ channel }: Attempt): void {
    this.#attempts.delete(channel)
  }

  /**
   * Hands a frame to the lease of its channel. False for a channel that no lease was ever given to. Throws `WireError`
   * and `AttemptError` for what has no place on it.
   */
  receive({ channel, type, payload }: Frame): boolean {
    const attempt = this.#attempts.get(channel)
    // Frames for a lease that has ended here are late; for one that never was, they are an attack.
    if (attempt === undefined) return channel <= this.#last
    const { run } = attempt
    switch (type) {
      case FRAME.data:
        this.#touch(run)
        if (!run.onData(attempt, payload)) throw new WireError('data beyond the credit window')
        break
      case FRAME.accept:
        run.onAccept(attempt)
        break
      case FRAME.busy:
        run.onBusy(attempt, decodeControl(busySchema, payload))
        break
      case FRAME.head:
        decodeControl(headSchema, payload)
        run.onHead(attempt)
        break
      case FRAME.end:
        this.#touch(run)
        run.onEnd(attempt, decodeControl(endSchema, payload))
        break
      case FRAME.error:
        run.onError(attempt, decodeControl(errorSchema, payload))
        break
      default:
        throw new WireError(`frame type ${type} has no place on a job's channel`)
    }
    return true
  }

  #touch(run: JobRun): void {
    if (!this.#touched.includes(run)) this.#touched.push(run)
  }

  /** The message has been read: what it brought goes on to the clients, each in one piece. */
  flush(): void {
    // Emptied, not replaced: an old array that is dropped keeps what it held from the young collector.
    for (const run of this.#touched.splice(0)) run.flush()
  }

  /** The connection is gone, and with it every lease; see {@link JobRun.onLost}. */
  lost(mayReturn: boolean): void {
    for (const attempt of this.#attempts.values()) attempt.run.onLost(attempt, mayReturn)
  }
}
