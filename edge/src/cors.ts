import type { MiddlewareHandler } from 'hono'
import type { EdgeEnv } from './services.ts'

/** A day: what browsers keep a preflight's answer at most. */
const PREFLIGHT_MAX_AGE_S = '86400'

/** Headers of ours that a script in a browser may read. */
const EXPOSED = [
  'x-request-id',
  'www-authenticate',
  'x-infernet-job',
  'x-infernet-provider',
  'x-should-retry',
  'retry-after',
  'retry-after-ms',
  'x-ratelimit-limit-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-requests',
  'x-ratelimit-reset-tokens',
  'idempotency-replayed',
].join(', ')

/** Longest list of header names that is repeated; OpenAI's SDK in a browser asks for some 300. */
const MAX_NAMES_CHARS = 4096
/** Names of headers (RFC 9110 §5.6.2), as browsers list them. */
const NAMES = /^[\w!#$%&'*+.^`|~-]+(, *[\w!#$%&'*+.^`|~-]+)*$/

/** The headers that a page asks for are allowed, by name: `*` would leave `Authorization` out. */
function headersOf(asked: string | undefined): string {
  return asked !== undefined && asked.length <= MAX_NAMES_CHARS && NAMES.test(asked) ? asked : '*'
}

/**
 * Lets pages of any origin call the API (Fetch standard §3.2). Keys travel in a header and never in
 * cookies, so a page gains nothing that its own script does not bring along.
 */
export const allowBrowsers: MiddlewareHandler<EdgeEnv> = async (c, next) => {
  if (c.req.method === 'OPTIONS') {
    return new Response(null, {
      status: 204,
      headers: {
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
        'access-control-allow-headers': headersOf(c.req.header('access-control-request-headers')),
        'access-control-max-age': PREFLIGHT_MAX_AGE_S,
      },
    })
  }
  await next()
  // Servers send no Origin, and so pay nothing for this.
  if (c.req.header('origin') !== undefined) {
    c.res.headers.set('access-control-allow-origin', '*')
    c.res.headers.set('access-control-expose-headers', EXPOSED)
  }
  return undefined
}
