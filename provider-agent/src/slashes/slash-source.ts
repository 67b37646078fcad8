import { isSlashId, slashFactsSchema, type SlashFacts } from '@infernet/schemas/slash-facts'
import { signedHeaders } from '@infernet/schemas/provider-request'
import { askEdge, askEdgeJson, MAX_EDGE_ANSWER_BYTES } from '../edge-api/ask-edge.ts'
import type { Identity } from '../identity.ts'
import { readInput } from '../read-input.ts'

/** Evidence as it was found, with what the edge says of it where it was asked. */
export interface SlashSource {
  readonly json: string
  readonly facts?: SlashFacts
}

export class SlashSourceError extends Error {
  override readonly name = 'SlashSourceError'
  readonly code = 'bad_slash_source'
}

const SLASH_URL = /\/v1\/slashes\/(slash_[0-9a-f]{32})(\/evidence)?\/?$/

/**
 * Evidence from a file, standard input (`-`), or a slash's URL. A provider's own is asked for in its name;
 * `now` in ms since the epoch. Rejects with {@link SlashSourceError}, `InputError` and `EdgeAskError`.
 */
export async function readSlash(
  source: string,
  identity: Identity | undefined,
  now: number,
): Promise<SlashSource> {
  if (!/^https?:/.test(source)) return { json: await readInput(source, MAX_EDGE_ANSWER_BYTES) }
  const url = new URL(source)
  const [, id = ''] = SLASH_URL.exec(url.pathname) ?? []
  if (!isSlashId(id)) {
    throw new SlashSourceError(`${source} is no slash’s URL; it ends like /v1/slashes/slash_…`)
  }
  const base = `${url.origin}${url.pathname.replace(SLASH_URL, '')}/v1/slashes/${id}`
  const facts = await askEdgeJson(base, slashFactsSchema)
  const isOwn = identity !== undefined && identity.peer === facts.provider
  const headers = isOwn ? signedHeaders(identity, id, now) : {}
  const bytes = await askEdge(`${base}/evidence`, { headers })
  return { json: Buffer.from(bytes).toString('utf8'), facts }
}
