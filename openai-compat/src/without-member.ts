import { JsonWalker } from './json-walker.ts'

const COMMA = 44
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
/** In UTF-8; `parseJsonBody` skips it too. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/**
 * The same JSON object without its members called `key` (ASCII, written without escapes). The others keep their
 * bytes and their order; where there is none, everything does.
 *
 * @throws JsonWalkError when `body` is no JSON object.
 */
export function withoutMember(body: Uint8Array, key: string): Uint8Array {
  const kept: Uint8Array[] = []
  let isFound = false
  const json = new JsonWalker({ strict: false })
  const start = BYTE_ORDER_MARK.every((byte, i) => body[i] === byte) ? BYTE_ORDER_MARK.length : 0
  let begin = body.indexOf(OPEN_BRACE, start) + 1
  json.walk(body, start, body.length, () => {
    const isKey = json.isKey(key)
    json.skipValue()
    if (isKey) isFound = true
    else kept.push(body.subarray(begin, json.pos))
    begin = body.indexOf(COMMA, json.pos) + 1
  })
  return isFound ? objectOf(kept) : body
}

/** An object of members that are written already. */
function objectOf(members: readonly Uint8Array[]): Uint8Array {
  const bytes = members.reduce((sum, { length }) => sum + length + 1, 1)
  const out = new Uint8Array(Math.max(2, bytes))
  out[0] = OPEN_BRACE
  let at = 1
  for (const member of members) {
    out.set(member, at)
    at += member.length
    out[at++] = COMMA
  }
  out[out.length - 1] = CLOSE_BRACE
  return out
}
