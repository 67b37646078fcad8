import type { EdgeContext } from '../../services.ts'

/**
 * Where a request comes from: the socket's address, or what a trusted proxy in front of us says. That is
 * the last address in `X-Forwarded-For`; those before it are anybody's words.
 */
export function clientAddress(c: EdgeContext, trustProxy: boolean): string {
  const forwarded = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : ''
  return forwarded || (c.env.address ?? '')
}
