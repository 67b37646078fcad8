const encoder = new TextEncoder()

/** One SSE event whose data is already JSON text. The text must not contain line breaks. */
function encodeDataText(json: string): Uint8Array {
  return encoder.encode(`data: ${json}\n\n`)
}

/** One SSE event with `value` as JSON. */
export function encodeData(value: unknown): Uint8Array {
  return encodeDataText(JSON.stringify(value))
}

/**
 * `data: [DONE]`, the last event of a stream that ended well.
 *
 * Fresh bytes at every call: a byte stream's `enqueue` detaches the buffer it is given, so a
 * shared constant would be empty the second time.
 */
export function doneEvent(): Uint8Array {
  return encodeDataText('[DONE]')
}

/**
 * An SSE comment (`: infernet processing`), which every client skips: tells one that waits, and the
 * proxies before it, that the connection is alive. Line breaks in `text` become spaces. Fresh bytes
 * at every call, as for `doneEvent`.
 */
export function commentEvent(text: string): Uint8Array {
  return encoder.encode(`: ${text.replaceAll(/[\r\n]+/g, ' ')}\n\n`)
}
