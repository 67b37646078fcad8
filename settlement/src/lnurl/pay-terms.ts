import { z } from 'zod'
import { guardedFetch, type GuardedFetchPorts } from './guarded-fetch.ts'
import { LnurlError } from './lnurl-error.ts'
import { payUrl } from './pay-url.ts'

const MAX_REASON_LENGTH = 200

const failure = z.object({ status: z.literal('ERROR'), reason: z.string().default('') })
const sendable = z.number().int().positive().max(Number.MAX_SAFE_INTEGER)
const payRequest = z.object({
  tag: z.literal('payRequest'),
  callback: z.url(),
  minSendable: sendable,
  maxSendable: sendable,
  metadata: z.string(),
})
/** What a service takes, in msat, and where it is asked for an invoice. */
export type PayTerms = z.infer<typeof payRequest>

/**
 * LUD-06 and LUD-16: asks a Lightning address or LNURL what it takes. Throws {@link LnurlError}.
 */
export async function askTerms(
  destination: string,
  ports: GuardedFetchPorts,
  signal: AbortSignal,
): Promise<PayTerms> {
  return readAnswer(payRequest, await guardedFetch(payUrl(destination), ports, signal))
}

/** A service's answer under a schema. Throws {@link LnurlError} `refused` for its own no, and `response`. */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown): T {
  const refusal = failure.safeParse(answer)
  if (refusal.success)
    throw new LnurlError('refused', refusal.data.reason.slice(0, MAX_REASON_LENGTH))
  const parsed = schema.safeParse(answer)
  if (!parsed.success)
    throw new LnurlError('response', 'It did not answer as LUD-06 says', { cause: parsed.error })
  return parsed.data
}
