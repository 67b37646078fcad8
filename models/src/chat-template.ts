import { Template } from '@huggingface/jinja'
import { strftime } from './strftime.ts'

/** One message of a conversation, as a chat template sees it. */
export type ChatMessage = {
  readonly role: string
  /** Text, or OpenAI's list of parts for templates that know it. */
  readonly content?: string | null | readonly unknown[]
  /** Calls the assistant made; `arguments` as an object or as the JSON text OpenAI uses. */
  readonly tool_calls?: readonly ChatToolCall[]
  readonly tool_call_id?: string
  readonly name?: string
}

export type ChatToolCall = {
  readonly id?: string
  readonly type?: string
  readonly function: { readonly name: string; readonly arguments: unknown }
}

export type ChatPrompt = {
  readonly messages: readonly ChatMessage[]
  /** Tool definitions as in OpenAI's `tools`. */
  readonly tools?: readonly unknown[]
  /** End with the opening of an assistant message, for the model to go on from. Default true. */
  readonly addGenerationPrompt?: boolean
  /** What templates that write the date take for now, ms since the epoch; absent: this machine's clock. */
  readonly at?: number | undefined
}

/** A chat template that does not parse, or refuses or fails on the given messages. */
export class ChatTemplateError extends Error {
  override readonly name = 'ChatTemplateError'
  readonly code = 'chat_template_failed'
}

/** Renders a conversation to the text a model continues. */
export type ChatRenderer = (prompt: ChatPrompt) => string

/** Longer prompts fit no context: a million tokens are about four million characters. */
export const MAX_RENDERED_CHARS = 4_194_304

/** How templates ask for the date: of a machine's own zone and language, in the library, which lets nobody replace it. */
const CLOCK = 'strftime_now'
const CLOCK_AT = 'strftime_at'

/**
 * Compiles the Jinja chat template of a GGUF file.
 * Tool-call arguments given as JSON text are parsed first, since templates expect an object.
 * @throws ChatTemplateError when the template does not parse; the renderer throws it when the
 * template fails on a conversation.
 */
export function compileChatTemplate(
  source: string,
  special: { readonly bosToken?: string; readonly eosToken?: string } = {},
): ChatRenderer {
  const template = attempt(() => new Template(source.replaceAll(CLOCK, CLOCK_AT)))
  return ({ messages, tools, addGenerationPrompt = true, at }) => {
    const text = attempt(() =>
      template.render({
        messages: messages.map(withParsedArguments),
        tools: tools && tools.length > 0 ? tools : null,
        add_generation_prompt: addGenerationPrompt,
        bos_token: special.bosToken ?? '',
        eos_token: special.eosToken ?? '',
        [CLOCK_AT]: (format: string) => strftime(new Date(at ?? Date.now()), format),
      }),
    )
    if (text.length > MAX_RENDERED_CHARS) {
      throw new ChatTemplateError(`the prompt has ${text.length} characters`)
    }
    return text
  }
}

/** Whether what a template renders depends on the time. */
export const readsClock = (source: string): boolean => source.includes(CLOCK)

/** Compiles and renders once: see {@link compileChatTemplate}. */
export function renderChat(source: string, prompt: ChatPrompt): string {
  return compileChatTemplate(source)(prompt)
}

function withParsedArguments(message: ChatMessage): ChatMessage {
  if (!message.tool_calls) return message
  return {
    ...message,
    tool_calls: message.tool_calls.map((call) => ({
      ...call,
      function: { ...call.function, arguments: parseArguments(call.function.arguments) },
    })),
  }
}

function parseArguments(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof ChatTemplateError) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new ChatTemplateError(`chat template: ${message}`, { cause: error })
  }
}
