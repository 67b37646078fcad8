import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { noteIn } from '@infernet/openai-compat/verification-note'
import type { JobId } from '@infernet/schemas/ids'
import { z } from 'zod'
import type { JobAnswer } from '../ports.ts'
import type { JobDone } from './priced-jobs-port.ts'

const answerSchema = z.object({ usage: z.object({ total_tokens: z.number() }) })

/** Verdicts on which nobody is paid: the provider has hidden what it signed, or nobody could say in time. */
const UNPROVEN: ReadonlySet<string> = new Set(['unopened', 'pending'])

/** What the hub calls an answer, unless there is nothing in it, or no verdict on it: nobody is paid for that. */
export function jobDone(
  answer: Exclude<JobAnswer, { kind: 'error' }>,
  run: JobId,
): JobDone | ApiError {
  if (answer.kind !== 'json') return apiErrors.internal()
  const result = new TextDecoder().decode(answer.body)
  const parsed = parsedOf(result)
  const { data } = answerSchema.safeParse(parsed)
  if (data === undefined || data.usage.total_tokens === 0) return apiErrors.providerFailed()
  const { verdict, reason } = noteIn(parsed)?.verification ?? {}
  if (verdict !== undefined && UNPROVEN.has(verdict)) return unverified(run, reason ?? verdict)
  return { provider: answer.provider, result }
}

function parsedOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const unverified = (run: JobId, reason: string): ApiError =>
  new ApiError({
    status: 502,
    type: 'server_error',
    code: 'verification_failed',
    message:
      `The answer could not be verified (${reason}), so nothing is paid for it and the payment goes back. ` +
      `Order another job. GET /v1/receipts/${run} shows what was found.`,
  })
