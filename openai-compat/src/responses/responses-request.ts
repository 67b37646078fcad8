import { apiErrors } from '../api-errors.ts'
import { parseJsonBody } from '../json-body.ts'
import { checkShape } from '../zod-issue.ts'
import {
  type InputItem,
  type ResponsesRequestBody,
  responsesRequestSchema,
  type SpokenItem,
  WEB_SEARCHES,
} from './responses-request-schema.ts'

type Fields = Record<string, unknown>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Parameters that name what only OpenAI keeps, with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  background: 'Answers are not made in the background here. Leave it out, or stream.',
  conversation: "There are no conversation objects here. Use 'previous_response_id'.",
  prompt: "There are no stored prompts here. Send 'instructions' and 'input'.",
}

function refuse(message: string, param: string): never {
  throw apiErrors.invalidRequest(message, param, 'unsupported_parameter')
}

/** What the schema would only call a wrong value. */
function refuseUnsupported(body: Fields): void {
  for (const [name, advice] of Object.entries(REFUSED)) {
    if (body[name]) refuse(`The parameter '${name}' is not supported. ${advice}`, name)
  }
  if (typeof body['n'] === 'number' && body['n'] > 1) {
    refuse("The parameter 'n' is not supported: a response is one answer.", 'n')
  }
  const { tools, tool_choice: choice } = body
  refuseTools(tools, 'tools', ['function', 'namespace'])
  const chosen = isObject(choice) ? choice['type'] : undefined
  if (typeof chosen === 'string' && !['function', 'allowed_tools'].includes(chosen)) {
    refuseTool(chosen, 'tool_choice.type')
  }
}

/** `known`: the types of tools that may stand here. */
function refuseTools(tools: unknown, param: string, known: readonly string[]): void {
  if (!Array.isArray(tools)) return
  const isKnown = (tool: unknown): boolean => isObject(tool) && known.includes(String(tool['type']))
  const hasOthers = tools.some(isKnown)
  for (const [i, tool] of tools.entries()) {
    if (!isObject(tool)) continue
    const { type } = tool
    if (type === 'namespace') refuseTools(tool['tools'], `${param}.${i}.tools`, ['function'])
    if (typeof type !== 'string' || isKnown(tool)) continue
    // Who asks for nothing but a search wants one; beside other tools the model can do without.
    if (hasOthers && WEB_SEARCHES.some((search) => search === type)) continue
    refuseTool(type, `${param}.${i}.type`)
  }
}

function refuseTool(type: string, param: string): never {
  refuse(
    `The tool '${type.slice(0, 80)}' is not supported here: models call tools of type 'function' only.`,
    param,
  )
}

/** Clients may leave out the type of a message and of a reference. The body is ours to complete. */
function nameTypes(input: unknown): void {
  for (const item of Array.isArray(input) ? input : []) {
    if (!isObject(item) || (item['type'] ?? undefined) !== undefined) continue
    if (item['role'] !== undefined) item['type'] = 'message'
    else if (item['id'] !== undefined) item['type'] = 'item_reference'
  }
}

/**
 * Reads and validates the body of POST /v1/responses.
 *
 * @throws ApiError 400: not JSON, a field that OpenAI's API would refuse, or one that needs what only
 * OpenAI has: background answers, conversations, stored prompts, tools that run at the server.
 */
export function parseResponsesRequest(bytes: Uint8Array): ResponsesRequestBody {
  const value = parseJsonBody(bytes)
  if (isObject(value)) {
    refuseUnsupported(value)
    nameTypes(value['input'])
  }
  checkShape(responsesRequestSchema, value)
  if (value.stream_options && value.stream !== true) {
    throw apiErrors.invalidRequest(
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      'stream_options',
    )
  }
  return value
}

/** The ids of the items that the input only refers to. */
export function referencesOf(body: ResponsesRequestBody): string[] {
  if (typeof body.input === 'string') return []
  return body.input.flatMap((item) => (item.type === 'item_reference' ? [item.id] : []))
}

/** What was said before, as stored with earlier responses. */
export interface KnownItems {
  /** Everything that `previous_response_id` stands for, in order. */
  readonly history: readonly SpokenItem[]
  /** What items of the input may refer to, by id. */
  readonly byId: ReadonlyMap<string, SpokenItem>
}

/**
 * All that the model is to see, in order: the history, then the input with its references resolved.
 *
 * @throws ApiError 400 for a reference to nothing we know.
 */
export function conversationOf(body: ResponsesRequestBody, known: KnownItems): SpokenItem[] {
  const input: readonly InputItem[] =
    typeof body.input === 'string'
      ? [{ type: 'message', role: 'user', content: body.input }]
      : body.input
  const past = new Set(known.history.map((item) => item.id))
  const said = input.flatMap((item, i): SpokenItem[] => {
    if (item.type !== 'item_reference') return [item]
    // It is there already, in its place.
    if (past.has(item.id)) return []
    const found = known.byId.get(item.id)
    if (found === undefined) throw unknownItem(item.id, `input.${i}.id`)
    return [found]
  })
  return [...known.history, ...said]
}

const unknownItem = (id: string, param: string) =>
  apiErrors.invalidRequest(
    `No item with the id '${id.slice(0, 80)}' is stored. Send the item itself; items of responses with 'store: false' are not kept.`,
    param,
    'item_not_found',
  )
