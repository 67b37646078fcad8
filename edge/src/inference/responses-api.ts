import { apiErrors } from '@infernet/openai-compat/api-errors'
import { canContinue } from '@infernet/openai-compat/continuation'
import {
  responsesChatRequest,
  wantsLogprobs,
} from '@infernet/openai-compat/responses/responses-chat-request'
import {
  conversationOf,
  parseResponsesRequest,
  referencesOf,
} from '@infernet/openai-compat/responses/responses-request'
import { responseId, responseOfItem } from '@infernet/openai-compat/responses/response-ids'
import { settingsOf, type ResponseHead } from '@infernet/openai-compat/responses/response-object'
import { responseOfChat } from '@infernet/openai-compat/responses/responses-answer'
import type {
  ResponsesRequestBody,
  SpokenItem,
} from '@infernet/openai-compat/responses/responses-request-schema'
import type { ResponseObject } from '@infernet/openai-compat/responses/response-types'
import { responsesStream } from '@infernet/openai-compat/responses/response-body'
import { storedItems } from '@infernet/openai-compat/responses/stored-items'
import type { AccountId } from '@infernet/schemas/ids'
import { isStrict } from '../hub/verdict-wait.ts'
import { MAX_REFERENCED_RESPONSES, RESPONSE_TTL_MS } from '../limits.ts'
import type { JobOrder } from '../ports.ts'
import type { EdgeServices } from '../services.ts'
import type { BodyAnswer, ClientApi, ParsedRequest } from './client-api.ts'
import { findStored, itemsOf } from './kept-responses.ts'
import { outlast } from './outlast.ts'

/** POST /v1/responses: OpenAI's newer API, answered by the engines' chat completions. */
export function responsesApi(services: EdgeServices): ClientApi {
  return {
    async parse(bytes, c, identity): Promise<ParsedRequest> {
      const accountId = identity?.accountId
      const body = parseResponsesRequest(bytes)
      const { previous_response_id: previous } = body
      const history = previous ? await historyOf(services, accountId, previous) : []
      const byId = await referencedItems(services, accountId, referencesOf(body))
      const conversation = conversationOf(body, { history, byId })
      const chat = responsesChatRequest(body, conversation, history.length)
      const continuable =
        chat.request.stream && canContinue(chat.request.endpoint, chat.request.body)
      const keep = (response: ResponseObject, order: JobOrder): void => {
        if (response.store) outlast(c, store(services, response, order, conversation))
      }
      return {
        ...chat,
        continuable,
        translate: (answer, order) => translate(services, answer, headOf(body, order), keep, order),
      }
    },
  }
}

const headOf = (body: ResponsesRequestBody, order: JobOrder): ResponseHead => ({
  id: responseId(order.job),
  model: order.model,
  createdAt: order.createdAt,
  settings: settingsOf(body),
  logprobs: wantsLogprobs(body),
  isStrict: isStrict(order),
})

/** Everything that was said in the response and before it. */
async function historyOf(
  services: EdgeServices,
  accountId: AccountId | undefined,
  id: string,
): Promise<SpokenItem[]> {
  const stored = accountId && (await findStored(services, accountId, id))
  if (stored !== undefined) return itemsOf(stored)
  throw apiErrors.invalidRequest(
    `Previous response with id '${id.slice(0, 80)}' not found.`,
    'previous_response_id',
    'previous_response_not_found',
  )
}

/**
 * What the input refers to, as far as it is stored. A response is stored with all that came before
 * it, so that the newest one usually has everything.
 */
async function referencedItems(
  services: EdgeServices,
  accountId: AccountId | undefined,
  references: readonly string[],
): Promise<Map<string, SpokenItem>> {
  const byId = new Map<string, SpokenItem>()
  const owners = new Map(references.map((id) => [id, responseOfItem(id)]))
  const responses = [...new Set(owners.values())].filter((id) => id !== undefined)
  let asked = 0
  for (const response of responses.toSorted().toReversed()) {
    const isMissing = references.some((id) => owners.get(id) === response && !byId.has(id))
    if (!isMissing) continue
    asked++
    if (asked > MAX_REFERENCED_RESPONSES) throw tooManyReferences()
    const stored = accountId && (await findStored(services, accountId, response))
    for (const item of stored === undefined ? [] : itemsOf(stored)) {
      if (item.id) byId.set(item.id, item)
    }
  }
  return byId
}

const tooManyReferences = () =>
  apiErrors.invalidRequest(
    `The input refers to items of more than ${MAX_REFERENCED_RESPONSES} responses. Use 'previous_response_id', or send the items.`,
    'input',
    'array_above_max_length',
  )

function translate(
  services: EdgeServices,
  answer: BodyAnswer,
  head: ResponseHead,
  keep: (response: ResponseObject, order: JobOrder) => void,
  order: JobOrder,
): BodyAnswer {
  if (answer.kind === 'stream') {
    const body = responsesStream(answer.body, {
      head,
      now: services.now,
      onEnd: (response) => keep(response, order),
    })
    return { ...answer, body }
  }
  const response = responseOfChat(answer.body, head, services.now())
  keep(response, order)
  return { ...answer, body: new TextEncoder().encode(JSON.stringify(response)) }
}

/** Runs beside the answer, which has been paid for and is delivered whether or not this succeeds. */
async function store(
  services: EdgeServices,
  response: ResponseObject,
  { accountId, createdAt }: JobOrder,
  conversation: readonly SpokenItem[],
): Promise<void> {
  try {
    await services.store.storeResponse({
      id: response.id,
      accountId,
      createdAt,
      expiresAt: createdAt + RESPONSE_TTL_MS,
      response,
      inputItems: storedItems(response.id, conversation),
    })
  } catch (error) {
    services.events.storeFailed('storeResponse', error)
  }
}
