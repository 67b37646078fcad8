import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { SETTLER_PATH } from '@infernet/schemas/settler-wire'
import { bearerToken, sameText } from '../auth/key-ring.ts'

/**
 * Why an upgrade on {@link SETTLER_PATH} is refused: 404 where no settler may connect (`token` is
 * undefined), 401 for any other token.
 */
export function refuseSettler(
  authorization: string | null | undefined,
  token: string | undefined,
): ApiError | undefined {
  if (token === undefined) return apiErrors.notFound('GET', SETTLER_PATH)
  const given = bearerToken(authorization ?? undefined)
  if (given !== undefined && sameText(given, token)) return undefined
  return new ApiError({
    status: 401,
    type: 'invalid_request_error',
    code: 'invalid_settler_token',
    message: "Incorrect settler token: send it as 'Authorization: Bearer TOKEN'.",
  })
}
