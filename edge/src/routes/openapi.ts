import { openApiDocument } from '@infernet/openai-compat/openapi/document'
import { Hono } from 'hono'
import { isSameTag } from '../etag.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

/** Names that one edge goes by; a stranger may put any into the Host header. */
const MAX_ORIGINS = 16
/** Caches ask again after this; the answer is a 304 until the edge is replaced. */
const MAX_AGE_S = 300

interface Served {
  readonly json: string
  readonly etag: string
}

/** GET /openapi.json: the API as an OpenAPI 3.1 document, its server being where it was asked for. */
export function openApi(_services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  const byOrigin = new Map<string, Promise<Served>>()
  app.get('/openapi.json', async (c) => {
    const { origin } = new URL(c.req.url)
    let served = byOrigin.get(origin)
    if (served === undefined) {
      if (byOrigin.size >= MAX_ORIGINS) byOrigin.clear()
      served = serve(origin)
      byOrigin.set(origin, served)
    }
    const { json, etag } = await served
    const headers = {
      etag,
      'cache-control': `public, max-age=${MAX_AGE_S}`,
      'access-control-allow-origin': '*',
      vary: 'host',
      'x-request-id': c.get('requestId'),
    }
    if (isSameTag(c.req.header('if-none-match'), etag)) {
      return new Response(null, { status: 304, headers })
    }
    return new Response(json, { headers: { ...headers, 'content-type': 'application/json' } })
  })
  return app
}

async function serve(origin: string): Promise<Served> {
  const json = JSON.stringify(openApiDocument(origin))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(json))
  return { json, etag: `"${Buffer.from(digest).toString('base64url')}"` }
}
