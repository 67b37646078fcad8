import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { newRequestId, type AccountId, type ApiKeyId, type JobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import type { Endpoint } from '@infernet/schemas/wire'
import type { BodyAnswer } from '../inference/client-api.ts'
import { jobOrder } from '../inference/job-order.ts'
import { chatCompletions, completions, embeddings } from '../inference/openai-apis.ts'
import { runJob, type RunRim } from '../inference/run-request.ts'
import { servedModels } from '../inference/served-models.ts'
import { UNLIMITED, type HubPort, type StorePort } from '../ports.ts'
import type { EdgeServices } from '../services.ts'
import { CanarySettingsError } from './canary-settings.ts'

/** What a question of the operator's needs: what a client's has, and who pays. */
export interface AskParts extends Pick<EdgeServices, 'accounts' | 'events' | 'now'> {
  readonly hub: Pick<HubPort, 'submit' | 'cancel' | 'directory'>
  readonly store: Pick<StorePort, 'findAccount'>
  readonly account: AccountId
}

/** A question of the operator's to one provider. */
export interface PinnedAsk {
  readonly job: JobId
  readonly endpoint: Endpoint
  readonly model: string
  readonly provider: PeerId
  /** JSON text, as a client sends it. */
  readonly body: string
  /** Anybody may read it where it convicts the provider. */
  readonly isOpen: boolean
  /** Whether audits look at it always, or as at a client's request; always, if left out. */
  readonly mode?: 'canary' | 'sampled'
}

const APIS = { 'chat.completions': chatCompletions, completions, embeddings }

const KEY_DIGITS = 16
/** Nobody waits for the answer, and nobody hears of the hold. */
const RIM: RunRim = { outlast: () => {}, held: () => {} }
const NEVER = new AbortController().signal

/**
 * Asks a provider as any client's request does once it is authenticated: the hold, the matching, the frames, the
 * capture are the same, so that the provider sees nothing of it. Throws ApiError, also where the account has no
 * credit or the provider is not there, and CanarySettingsError where there is no such account.
 */
export async function pinnedAsk(
  parts: AskParts,
  { job, endpoint, model, provider, body, isOpen, mode = 'canary' }: PinnedAsk,
  signal: AbortSignal,
): Promise<BodyAnswer> {
  const { hub, now, store, account } = parts
  const parsed = APIS[endpoint].parse(encodeUtf8(body))
  const named = { ...parsed, request: { ...parsed.request, model, fallbackModels: [] } }
  const stored = await store.findAccount(account)
  if (stored === undefined) throw new CanarySettingsError(`there is no account ${account}`)
  const identity = {
    accountId: account,
    apiKeyId: account.slice(-KEY_DIGITS) as ApiKeyId,
    limits: { account: stored.limits, key: UNLIMITED },
  }
  const [choice] = servedModels(await hub.directory(), named.request, () => {})
  if (choice === undefined) throw apiErrors.modelNotFound(model, [])
  const createdAt = now()
  const order = jobOrder({
    identity,
    requestId: newRequestId(createdAt),
    parsed: named,
    choice,
    createdAt,
    now: createdAt,
    explain: false,
    trace: undefined,
  })
  const rules = { ...order.rules, only: [provider], allowFallbacks: false }
  const pinned = { ...order, job, rules, verification: { mode, isOpen } }
  const ran = await runJob(parts, RIM, identity, pinned, signal)
  if (ran instanceof ApiError) throw ran
  return ran.answer
}

/** Takes an answer as a client does, all of it or until the signal, and keeps nothing. */
export async function dropped(answer: BodyAnswer, signal: AbortSignal = NEVER): Promise<void> {
  if (answer.kind === 'json') return
  const reader = answer.body.getReader()
  const hangUp = (): void => void reader.cancel().catch(() => {})
  if (signal.aborted) hangUp()
  signal.addEventListener('abort', hangUp, { once: true })
  try {
    while (!(await reader.read()).done);
  } finally {
    signal.removeEventListener('abort', hangUp)
  }
}

/** The account has no credit, or a limit of its own. */
export const isUnpaid = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 402 || error.status === 429)
