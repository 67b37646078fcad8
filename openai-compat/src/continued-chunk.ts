import type { ChunkHead } from './chat-types.ts'
import { encodeData } from './sse-encoder.ts'
import { CHUNK_OBJECT, type StreamEndpoint } from './stream-endpoint.ts'

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined
}

/** An empty value of any kind; false is a vendor's flag. */
function isNothing(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === null || value === undefined || value === '' || value === false
}

function saysNothing({ finish_reason: reason, logprobs, text, delta }: Fields): boolean {
  return [reason, logprobs, text, ...Object.values(delta ?? {})].every(isNothing)
}

/** The choice as it goes on: its role has been said. */
function continuedChoice(choice: Fields, endpoint: StreamEndpoint): Fields {
  const { index: _, finish_reason = null, text = '', delta, ...rest } = choice
  if (endpoint === 'completions') return { ...rest, index: 0, text, finish_reason }
  const { role: __, ...said } = fieldsOf(delta) ?? {}
  return { ...rest, index: 0, delta: said, finish_reason }
}

/**
 * A chunk of a provider that goes on with what another began, as the client must see it: under the
 * first one's head, without a role, without a usage that counts the other's text as prompt. `drop`
 * when it then says nothing; malformed when it has not exactly the choice that was asked for.
 */
export function continuedChunk(
  value: unknown,
  head: ChunkHead,
  endpoint: StreamEndpoint,
): Uint8Array | 'drop' | 'malformed_event' {
  const { system_fingerprint: fingerprint, usage, choices, ...rest } = fieldsOf(value) ?? {}
  if (!Array.isArray(choices) || choices.length !== 1) return 'malformed_event'
  const choice = fieldsOf(choices[0])
  if (choice === undefined || (choice['index'] ?? 0) !== 0) return 'malformed_event'
  const continued = continuedChoice(choice, endpoint)
  if (saysNothing(continued)) return 'drop'
  try {
    return encodeData({
      ...rest,
      id: head.id,
      object: CHUNK_OBJECT[endpoint],
      created: head.created,
      model: head.model,
      // It says which engine wrote this chunk, which may be another than the first one's.
      ...(fingerprint === head.systemFingerprint ? { system_fingerprint: fingerprint } : {}),
      choices: [continued],
      ...(usage === null ? { usage } : {}),
    })
  } catch (error) {
    // What JSON.parse reads, however deep, JSON.stringify may not be able to write.
    if (error instanceof RangeError) return 'malformed_event'
    throw error
  }
}
