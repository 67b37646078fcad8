import type { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { WS_SUBPROTOCOL } from '@infernet/schemas/wire'

/** The error (status 426 on the wire) for an upgrade that does not offer our subprotocol; `offered` is the header's text. */
export function refuseSubprotocol(offered: string | null | undefined): ApiError | undefined {
  const names = (offered ?? '').split(',').map((name) => name.trim())
  if (names.includes(WS_SUBPROTOCOL)) return undefined
  return apiErrors.invalidRequest(
    `This endpoint speaks the subprotocol '${WS_SUBPROTOCOL}': update infernet-agent.`,
  )
}
