import type { EdgeContext, EdgeServices } from '../services.ts'
import { bearerToken, sameText } from './key-ring.ts'

/** Whether a request has the operator's token. */
export function isOperator({ operatorToken }: EdgeServices, c: EdgeContext): boolean {
  const token = bearerToken(c.req.header('authorization'))
  return token !== undefined && operatorToken !== undefined && sameText(token, operatorToken)
}
