import { Hono } from 'hono'
import { CONSOLE_FILES } from '../console/console-files.ts'
import { isSameTag } from '../etag.ts'
import type { EdgeContext, EdgeEnv } from '../services.ts'

/** Its own scripts, styles and pictures, this API, and nothing else: no inline script, no other origin, no frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // The QR code needs the key, so that the page fetches it and shows it from memory.
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  // Forms are read by the script; one that the browser sent by itself would put a key into an address.
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  // Asked for every time, and answered with 304: a page never runs another one's script.
  'cache-control': 'no-cache',
}

/** GET /console: the page on which people see and move their credit. It holds nothing of anybody; its script asks the API with the key it is given. */
export function consolePage(): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  for (const [name, file] of Object.entries(CONSOLE_FILES)) {
    app.get(`/console${name === '' ? '' : `/${name}`}`, (c) => serve(c, file))
  }
  app.get('/console/', (c) => c.redirect('/console', 308))
  return app
}

function serve(
  c: EdgeContext,
  { type, body, etag }: (typeof CONSOLE_FILES)[keyof typeof CONSOLE_FILES],
): Response {
  const headers = { ...HEADERS, etag, 'x-request-id': c.get('requestId') }
  if (isSameTag(c.req.header('if-none-match'), etag)) {
    return new Response(null, { status: 304, headers })
  }
  return new Response(body, { headers: { ...headers, 'content-type': type } })
}
