import { PROVIDER_PATH } from '@infernet/schemas/wire'
import type { z } from 'zod'
import { errorMessageIn, fetchReason } from '../error-message.ts'

/** Longest answer: evidence with all that it may hold, as base64url. */
export const MAX_EDGE_ANSWER_BYTES = 64 * 1024 * 1024
/** Evidence over a slow line. */
const TIMEOUT_MS = 60_000

export type EdgeAskErrorCode = 'bad_url' | 'unreachable' | 'refused' | 'bad_answer'

/** An edge gave no answer, or not the one that was asked for; the message is for the owner. */
export class EdgeAskError extends Error {
  override readonly name = 'EdgeAskError'
  readonly code: EdgeAskErrorCode
  /** Of the HTTP answer, where it is `refused`. */
  readonly status: number | undefined

  constructor(
    code: EdgeAskErrorCode,
    message: string,
    options?: ErrorOptions & { readonly status?: number },
  ) {
    super(message, options)
    this.code = code
    this.status = options?.status
  }
}

const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['http:', 'http:'],
  ['https:', 'https:'],
  ['ws:', 'http:'],
  ['wss:', 'https:'],
])

/** The URL of `path`, such as `/v1/slashes`, at an edge as `--edge` names it. Throws {@link EdgeAskError}. */
export function edgeUrl(edge: string, path: string): string {
  const url = URL.canParse(edge) ? new URL(edge) : undefined
  const scheme = SCHEMES.get(url?.protocol ?? '')
  if (url === undefined || scheme === undefined) {
    const message = `'${edge}' is not an edge URL; write it like https://edge.example.org`
    throw new EdgeAskError('bad_url', message)
  }
  const base = url.pathname.replace(/\/+$/, '').replace(new RegExp(`(/v1|${PROVIDER_PATH})$`), '')
  return `${scheme}//${url.host}${base}${path}`
}

/**
 * Asks an edge over HTTP, for a minute at most, or until `init.signal`. Resolves with the body's bytes; rejects
 * with {@link EdgeAskError}.
 */
export async function askEdge(url: string, init: RequestInit = {}): Promise<Uint8Array> {
  const { status, body } = await answerOf(url, init)
  if (status >= 200 && status < 300) return body
  if (status >= 300 && status < 400) {
    const message = `${url} sends elsewhere (${status}), where the agent does not go: name the edge’s own address`
    throw new EdgeAskError('refused', message)
  }
  const reason = errorMessageIn(textOf(body)) ?? 'it does not say why'
  throw new EdgeAskError('refused', `the edge refuses (${status}): ${reason}`, { status })
}

/** The same, for JSON under a schema. */
export async function askEdgeJson<T>(
  url: string,
  schema: z.ZodType<T>,
  init: RequestInit = {},
): Promise<T> {
  const body = await askEdge(url, init)
  try {
    return schema.parse(JSON.parse(textOf(body)))
  } catch (cause) {
    throw new EdgeAskError('bad_answer', `${url} does not answer as an edge does`, { cause })
  }
}

async function answerOf(
  url: string,
  init: RequestInit,
): Promise<{ readonly status: number; readonly body: Uint8Array }> {
  try {
    const late = AbortSignal.timeout(TIMEOUT_MS)
    const signal = init.signal ? AbortSignal.any([init.signal, late]) : late
    // Followed, it could lead to an address that only this machine can reach, with what we have signed.
    const response = await fetch(url, { ...init, redirect: 'manual', signal })
    return { status: response.status, body: await bodyOf(response) }
  } catch (cause) {
    if (cause instanceof EdgeAskError) throw cause
    throw new EdgeAskError('unreachable', `cannot ask ${url}: ${fetchReason(cause)}`, { cause })
  }
}

async function bodyOf({ body }: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > MAX_EDGE_ANSWER_BYTES) {
      throw new EdgeAskError('bad_answer', 'the edge’s answer is too long')
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
