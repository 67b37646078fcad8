const encoder = new TextEncoder()
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** Fresh bytes of their own buffer. */
export const encodeUtf8 = (text: string): Uint8Array<ArrayBuffer> =>
  encoder.encode(text) as Uint8Array<ArrayBuffer>

/** Throws TypeError on anything that is not well-formed UTF-8. */
export const decodeUtf8 = (bytes: Uint8Array): string => strict.decode(bytes)
