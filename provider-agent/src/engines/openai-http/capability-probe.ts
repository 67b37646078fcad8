import { engineRequest } from '@infernet/openai-compat/engine-request'
import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import { SseDecoder } from '@infernet/openai-compat/sse-decoder'
import type { CapabilityName, Endpoint } from '@infernet/schemas/wire'
import { z } from 'zod'
import type { EngineConnection } from './engine-connection.ts'
import { errorOfResponse } from './engine-error.ts'
import { SERVER_TRAITS, type QuestionName, type ServerKind } from './engine-kinds.ts'
import { askEngine, EngineQuestionError } from './engine-question.ts'
import { modelFacts, type ModelFacts } from './facts-page.ts'

/** A busy engine answers a question for one token late, but it does. */
const ANSWER_MS = 20_000
/** Of one that has to read the model from its disk first. */
const LOADING_MS = 300_000
const MAX_ANSWER_BYTES = 1024 * 1024
/** More than one token: an engine whose answer holds all of it has said it again. */
const BEGUN = 'The quick brown fox jumps over the lazy dog, and then'

/** What a model was seen to do. */
export interface SeenCapabilities {
  readonly endpoints: readonly Endpoint[]
  readonly capabilities: readonly CapabilityName[]
  /** It says the beginning of a continued answer again, which has to be taken out. */
  readonly echoes: boolean
  /** Tokens that the server gives it, where its list of models does not say. */
  readonly contextLength?: number
}

/** The model cannot be offered: the engine has not answered to the point. */
export interface UnansweredQuestion {
  readonly unanswered: string
}

const chunkSchema = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })),
})

const user = { role: 'user' as const, content: 'Say a sentence.' }
const begun = { role: 'assistant' as const, content: BEGUN }
const parameters = { type: 'object', properties: { place: { type: 'string' } } }
const tools = [{ type: 'function', function: { name: 'look', parameters } }]
const schema = { type: 'json_schema', json_schema: { name: 'look', schema: parameters } }

interface About {
  readonly kind: EngineKind
  readonly model: string
}

interface Posted {
  /** Below `/v1`. */
  readonly path: string
  readonly payload: unknown
}

const chatWith =
  (more: object) =>
  ({ kind, model }: About): Posted => ({
    path: '/chat/completions',
    payload: engineRequest(
      { model, messages: [user], ...more },
      { kind, model, stream: false, maxOutputTokens: 1 },
    ),
  })

const QUESTIONS: Readonly<Record<QuestionName, (about: About) => Posted>> = {
  chat: chatWith({}),
  tool: chatWith({ tools, tool_choice: 'auto' }),
  schema: chatWith({ response_format: schema }),
  continued: ({ kind, model }) => ({
    path: '/chat/completions',
    payload: engineRequest(
      { model, messages: [user, begun] },
      // Only streams are continued, and llama-server's say less again than its documents.
      { kind, model, maxOutputTokens: 1, stream: true, continues: true },
    ),
  }),
  completion: ({ model }) => ({
    path: '/completions',
    payload: { model, prompt: 'The', max_tokens: 1 },
  }),
  vector: ({ model }) => ({ path: '/embeddings', payload: { model, input: 'The' } }),
}

/**
 * Tries what a model can do, with one token of each: servers do not tell. Never rejects. A server
 * that loads what it is asked for loads it now.
 */
export async function seeCapabilities(
  engine: EngineConnection,
  model: string,
  kind: ServerKind,
  signal: AbortSignal,
): Promise<SeenCapabilities | UnansweredQuestion> {
  const { asks, needs, speaks, facts, isLoaded } = SERVER_TRAITS[kind]
  const answers: Answers = {}
  const ask = async (name: QuestionName): Promise<Answer> =>
    (answers[name] = await question(
      engine,
      QUESTIONS[name]({ kind: speaks, model }),
      isLoaded ? ANSWER_MS : LOADING_MS,
      signal,
    ))
  // Before anything is asked that would be asked there.
  const { elsewhere } = await modelFacts(engine, facts, model, signal)
  if (elsewhere !== undefined) {
    return { unanswered: `it is computed at ${elsewhere}, and no customer has agreed to that` }
  }
  for (const name of asks) {
    if (OF_CHATS.has(name) && !isYes(answers.chat)) continue
    const { verdict, reason = '' } = await ask(name)
    if (verdict === 'unknown' && needs.includes(name)) return { unanswered: reason }
  }
  // What neither chats nor completes was loaded for nothing else.
  if (!asks.includes('vector') && !generates(answers)) {
    const { verdict, reason = '' } = await ask('vector')
    if (verdict === 'unknown') return { unanswered: reason }
  }
  return readAnswers(answers, kind, await modelFacts(engine, facts, model, signal))
}

/**
 * Whether a model that was seen still answers, or refuses, within `answerMs`: one token, of what it is offered for. Never
 * rejects.
 */
export async function stillAnswers(
  engine: EngineConnection,
  { model, kind, endpoints }: { model: string; kind: ServerKind; endpoints: readonly Endpoint[] },
  answerMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const name = ENDPOINT_QUESTIONS.find(([endpoint]) => endpoints.includes(endpoint))?.[1] ?? 'chat'
  const asked = QUESTIONS[name]({ kind: SERVER_TRAITS[kind].speaks, model })
  return (await question(engine, asked, answerMs, signal)).verdict !== 'unknown'
}

const ENDPOINT_QUESTIONS: readonly (readonly [Endpoint, QuestionName])[] = [
  ['chat.completions', 'chat'],
  ['completions', 'completion'],
  ['embeddings', 'vector'],
]

/** Nothing to a model that does not chat. */
const OF_CHATS: ReadonlySet<QuestionName> = new Set(['tool', 'schema'])

type Answers = Partial<Record<QuestionName, Answer>>

const isYes = (answer: Answer | undefined): boolean => answer?.verdict === 'yes'
const isNo = (answer: Answer | undefined): boolean => answer?.verdict === 'no'
const generates = ({ chat, completion }: Answers): boolean => isYes(chat) || isYes(completion)

/** What the answers, and the server's pages, come to. */
function readAnswers(answers: Answers, kind: ServerKind, facts: ModelFacts): SeenCapabilities {
  const { chat, tool, schema: format, continued, completion, vector } = answers
  const endpoints: Endpoint[] = []
  // Without a template there is nothing that would make a chat of its messages.
  const chats = isYes(chat) && facts.goesOn !== true
  if (chats) endpoints.push('chat.completions')
  if (isYes(completion) && facts.goesOn !== false) endpoints.push('completions')
  if (isYes(vector)) endpoints.push('embeddings')
  const can = new Set<CapabilityName>(SERVER_TRAITS[kind].promises)
  if (!chats || isNo(tool) || facts.takesTools === false) can.delete('tools')
  if (isNo(format)) can.delete('json_schema')
  if (isYes(continued) || (continued !== undefined && isNo(chat))) can.add('continue')
  return {
    endpoints,
    capabilities: generates(answers) ? [...can] : [],
    echoes: streamedText(continued?.body).startsWith(BEGUN),
    ...(facts.contextLength === undefined ? {} : { contextLength: facts.contextLength }),
  }
}

interface Answer {
  readonly verdict: 'yes' | 'no' | 'unknown'
  readonly body?: string
  /** Why it is neither. */
  readonly reason?: string
}

/** A refusal is an answer too; being busy, broken or gone is none. */
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 405, 422, 501])

async function question(
  engine: EngineConnection,
  { path, payload }: Posted,
  silenceMs: number,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const asked = { path, payload, probes: true, silenceMs, maxBytes: MAX_ANSWER_BYTES, signal }
    const { status, body } = await askEngine(engine, asked)
    if (status === 200) return { verdict: 'yes', body }
    if (REFUSALS.has(status)) return { verdict: 'no' }
    return { verdict: 'unknown', reason: errorOfResponse(status, body).message }
  } catch (error) {
    if (!(error instanceof EngineQuestionError)) throw error
    return { verdict: 'unknown', reason: `the engine: ${error.message}` }
  }
}

/** The text of a chat's stream; what cannot be read has none. */
function streamedText(body = ''): string {
  try {
    return new SseDecoder()
      .push(Buffer.from(body))
      .filter(({ data }) => data !== '[DONE]')
      .flatMap(({ data }) => chunkSchema.safeParse(JSON.parse(data)).data?.choices ?? [])
      .map(({ delta }) => delta.content ?? '')
      .join('')
  } catch {
    return ''
  }
}
