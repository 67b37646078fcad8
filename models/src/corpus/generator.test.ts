import { describe, expect, it } from 'vitest'
import { compileChatTemplate } from '../chat-template.ts'
import { mulberry32 } from '../prng.ts'
import type { Conversation, ToolDefinition } from './conversation.ts'
import { nextConversation } from './generator.ts'
import { FACTS, SMALL_TALK } from './questions.ts'
import { CHAT_TEMPLATE } from './template.ts'

const random = mulberry32(4)
const SAMPLE = Array.from({ length: 3_000 }, () => nextConversation(random))

describe('the facts', () => {
  it('are many, each asked in several ways', () => {
    const all = [...FACTS, ...SMALL_TALK]
    expect(all.length).toBeGreaterThanOrEqual(80)
    for (const { term, questions } of all) {
      expect(questions.length + (term === undefined ? 0 : 5)).toBeGreaterThanOrEqual(4)
    }
  })

  it('never answer one question in two ways', () => {
    const answers = new Map<string, string>()
    for (const { questions, answer } of [...FACTS, ...SMALL_TALK]) {
      for (const question of questions) {
        const key = question.toLowerCase().replace(/[?.!]$/, '')
        expect(answers.get(key) ?? answer, question).toBe(answer)
        answers.set(key, answer)
      }
    }
  })

  it('have words of one word and short answers that are shorter', () => {
    for (const { answer, short = '', word = '' } of [...FACTS, ...SMALL_TALK]) {
      expect(word).not.toContain(' ')
      expect(short.length).toBeLessThanOrEqual(answer.length)
    }
  })
})

describe('the corpus', () => {
  it('is the same for the same seed', () => {
    const [one, other] = [mulberry32(9), mulberry32(9)]
    for (let i = 0; i < 50; i++) expect(nextConversation(one)).toEqual(nextConversation(other))
  })

  it('ends every conversation with the assistant and says something', () => {
    for (const { messages } of SAMPLE) {
      const last = messages.at(-1)!
      expect(last.role).toBe('assistant')
      expect(last.content || last.tool_calls?.length).toBeTruthy()
    }
  })

  it('leaves no placeholder unfilled', () => {
    const render = compileChatTemplate(CHAT_TEMPLATE)
    for (const conversation of SAMPLE) {
      const text = render({ ...conversation, tools: [] })
      expect(text).not.toMatch(/\{\w*\}|undefined|NaN/)
    }
  })

  it('calls only listed tools, with the arguments they require', () => {
    const calls = SAMPLE.flatMap(({ messages, tools }) =>
      messages.flatMap(({ tool_calls }) => (tool_calls ?? []).map((call) => ({ call, tools }))),
    )
    expect(calls.length).toBeGreaterThan(200)
    for (const { call, tools } of calls) {
      const tool = tools?.find(nameIs(call.function.name))
      expect(Object.keys(call.function.arguments as object)).toEqual(
        tool?.function.parameters.required,
      )
    }
  })

  it('copies call arguments from the question', () => {
    for (const { messages } of SAMPLE.filter(hasCall)) {
      const question = messages.find(({ role }) => role === 'user')!.content
      const [call] = messages.find(({ tool_calls }) => tool_calls)!.tool_calls!
      for (const value of Object.values(call!.function.arguments as object)) {
        expect(question).toContain(String(value))
      }
    }
  })

  it('answers with JSON that parses where it opens a brace', () => {
    const objects = SAMPLE.flatMap(({ messages }) =>
      messages.filter(
        ({ role, content }) => role === 'assistant' && String(content).startsWith('{'),
      ),
    )
    expect(objects.length).toBeGreaterThan(200)
    for (const { content } of objects) expect(typeof JSON.parse(String(content))).toBe('object')
  })
})

function hasCall({ messages }: Conversation): boolean {
  return messages.some(({ tool_calls }) => tool_calls !== undefined)
}

function nameIs(name: string): (tool: ToolDefinition) => boolean {
  return (tool) => tool.function.name === name
}
