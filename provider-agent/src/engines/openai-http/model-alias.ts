/** A model of an engine and the name it is offered under. */
export interface ModelAlias {
  /** What clients ask for. */
  readonly id: string
  /** What the engine calls it. */
  readonly engineName: string
}

/** Reads `--model name` or `--model name=engine-name`. */
export function parseModelAlias(text: string): ModelAlias {
  const equals = text.indexOf('=')
  return equals === -1
    ? { id: text, engineName: text }
    : { id: text.slice(0, equals), engineName: text.slice(equals + 1) }
}

/**
 * Replaces the engine's name by the offered one wherever a JSON key `model` has it; undefined when
 * both are the same. Quotes inside JSON strings are escaped, so a model's text is never touched.
 */
export function modelRewriter({
  id,
  engineName,
}: ModelAlias): ((bytes: Buffer) => Buffer) | undefined {
  if (id === engineName) return undefined
  const replacement = Buffer.from(`"model":${JSON.stringify(id)}`)
  const needles = [':', ': '].map((colon) =>
    Buffer.from(`"model"${colon}${JSON.stringify(engineName)}`),
  )
  return (bytes) => needles.reduce((left, needle) => replaceAll(left, needle, replacement), bytes)
}

function replaceAll(bytes: Buffer, needle: Buffer, replacement: Buffer): Buffer {
  let at = bytes.indexOf(needle)
  if (at === -1) return bytes
  const parts: Buffer[] = []
  let from = 0
  for (; at !== -1; at = bytes.indexOf(needle, from)) {
    parts.push(bytes.subarray(from, at), replacement)
    from = at + needle.length
  }
  parts.push(bytes.subarray(from))
  return Buffer.concat(parts)
}
