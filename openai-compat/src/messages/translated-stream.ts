/** Turns the bytes of one stream into those of another. */
export interface StreamTranslator {
  push(bytes: Uint8Array): Uint8Array
  /** The source is over; returns the last bytes. */
  finish(): Uint8Array
  /** Set when nothing more will come: the source is not read any further. */
  readonly failed: boolean
}

/**
 * A stream of what the translator makes of `source`. It reads no further than its own reader asks,
 * and cancels the source when that leaves. An error of the source is passed on.
 */
export function translatedStream(
  source: ReadableStream<Uint8Array>,
  translator: StreamTranslator,
): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const { done, value } = await reader.read()
          const bytes = done ? translator.finish() : translator.push(value)
          if (bytes.length > 0) controller.enqueue(bytes)
          if (done) return controller.close()
          if (translator.failed) {
            controller.close()
            return reader.cancel('unreadable')
          }
          if (bytes.length > 0) return
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
