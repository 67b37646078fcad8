import { isResponseId, responseTime } from '@infernet/openai-compat/responses/response-ids'
import { parseStoredItems } from '@infernet/openai-compat/responses/stored-items'
import type { SpokenItem } from '@infernet/openai-compat/responses/responses-request-schema'
import type { AccountId } from '@infernet/schemas/ids'
import { z } from 'zod'
import { JOB_DEADLINE_MS, RESPONSE_WAIT_MS } from '../limits.ts'
import type { StoredResponse } from '../ports.ts'
import type { EdgeServices } from '../services.ts'

const POLL_MS = 100

/**
 * A stored response of this account. One that has just been answered may still be on its way to
 * Postgres, so that this waits a moment before it denies it.
 */
export async function findStored(
  { store, now }: EdgeServices,
  accountId: AccountId,
  id: string,
): Promise<StoredResponse | undefined> {
  if (!isResponseId(id)) return undefined
  const isYoung = Math.abs(now() - responseTime(id)) < JOB_DEADLINE_MS + RESPONSE_WAIT_MS
  const patience = isYoung ? RESPONSE_WAIT_MS : 0
  for (let waited = 0; ; waited += POLL_MS) {
    const found = await store.findResponse(accountId, id, now())
    if (found !== undefined || waited >= patience) return found
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

const outputSchema = z.looseObject({ output: z.array(z.unknown()) })

/** All that was said when a response was over: what it was asked, then what it answered. */
export function itemsOf({ response, inputItems }: StoredResponse): SpokenItem[] {
  return parseStoredItems([...inputItems, ...outputSchema.parse(response).output])
}
