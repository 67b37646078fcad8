import type { ChatMessage } from '../chat-template.ts'

/** A training example: the model learns every assistant message in it. */
export type Conversation = {
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly ToolDefinition[]
}

/** A function the model may call, as in OpenAI's `tools`. */
export type ToolDefinition = {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    readonly parameters: {
      readonly type: 'object'
      readonly properties: Readonly<Record<string, ToolParameter>>
      readonly required: readonly string[]
    }
  }
}

export type ToolParameter = {
  readonly type: 'string' | 'number' | 'integer'
  readonly description?: string
}

/** A question with its answer. */
export function exchange(question: string, answer: string): ChatMessage[] {
  return [user(question), assistant(answer)]
}

export function system(content: string): ChatMessage {
  return { role: 'system', content }
}

export function user(content: string): ChatMessage {
  return { role: 'user', content }
}

export function assistant(content: string): ChatMessage {
  return { role: 'assistant', content }
}
