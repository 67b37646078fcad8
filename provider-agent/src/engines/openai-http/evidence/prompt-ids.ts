import type { Endpoint } from '@infernet/schemas/wire'
import { z } from 'zod'
import type { EngineConnection } from '../engine-connection.ts'
import { askEngine, EngineQuestionError, parseJson } from '../engine-question.ts'

/** Both are answered beside the queue, in milliseconds; an answer's end waits no longer for them. */
const PROMPT_IDS_MS = 5_000
/** A prompt of {@link MAX_TRANSCRIPT_TOKENS}, as text or as ids. */
const MAX_PROMPT_BYTES = 16 * 1024 * 1024

const renderedSchema = z.object({ prompt: z.string() })
const tokensSchema = z.object({ tokens: z.array(z.int().nonnegative()).min(1) })

/** What of a chat llama-server renders its prompt from; the rest of the request is not its template's. */
const RENDERED_FIELDS = [
  'messages',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'chat_template_kwargs',
  'reasoning_effort',
  'continue_final_message',
  'add_generation_prompt',
] as const

/**
 * The ids that llama-server reads a request's prompt as, by its own rendering and tokenizer, for it does not
 * tell them with the answer. Never rejects: undefined where it does not say.
 */
export async function llamaPromptIds(
  connection: EngineConnection,
  endpoint: Endpoint,
  payload: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<readonly number[] | undefined> {
  const ask = async (path: string, question: unknown): Promise<unknown> => {
    const { status, body } = await askEngine(connection, {
      path,
      isBeside: true,
      payload: question,
      silenceMs: PROMPT_IDS_MS,
      maxBytes: MAX_PROMPT_BYTES,
      signal,
    })
    return status === 200 ? parseJson(body) : undefined
  }
  try {
    let content = payload['prompt']
    if (endpoint === 'chat.completions') {
      const fields = RENDERED_FIELDS.filter((name) => payload[name] !== undefined)
      const chat = Object.fromEntries(fields.map((name) => [name, payload[name]]))
      content = renderedSchema.safeParse(await ask('/apply-template', chat)).data?.prompt
    }
    if (content === undefined) return undefined
    const question = { content, add_special: true, parse_special: true }
    return tokensSchema.safeParse(await ask('/tokenize', question)).data?.tokens
  } catch (error) {
    if (error instanceof EngineQuestionError) return undefined
    throw error
  }
}
