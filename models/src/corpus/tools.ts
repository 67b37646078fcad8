import type { ChatMessage } from '../chat-template.ts'
import type { Random } from '../prng.ts'
import { chance, fill, integer, pick, pickSeveral } from './choice.ts'
import {
  assistant,
  user,
  type Conversation,
  type ToolDefinition,
  type ToolParameter,
} from './conversation.ts'
import { askFor, FACTS } from './questions.ts'
import { told, TOOL_KINDS, type Slot, type ToolKind } from './tool-kinds.ts'
import { capitalise, code, commonWord, inventedWord } from './words.ts'

const VERBS =
  'get make start open show find run play buy stop lookup check list read delete create'.split(' ')

/** One use of a tool: its definition, a question, the call, and how it goes on. */
type ToolUse = {
  readonly definition: ToolDefinition
  readonly question: string
  readonly call: ChatMessage
  readonly result: { content: string; answer: string }
}

/** A conversation with tools at hand: a call, a call and its result, or a plain question. */
export function toolConversation(random: Random): Conversation {
  const use = useTool(random, someKind(random))
  const others = Array.from(
    { length: pick(random, [0, 0, 1, 1, 2]) },
    () => useTool(random, someKind(random)).definition,
  ).filter(({ function: { name } }) => name !== use.definition.function.name)
  const tools = pickSeveral(random, [use.definition, ...others], others.length + 1)
  const kind = random()
  if (kind < 0.2) {
    const fact = pick(random, FACTS)
    return { tools, messages: [user(askFor(random, fact)), assistant(fact.answer)] }
  }
  // The question is not varied: another case would change the values to be copied.
  const messages = [user(use.question), use.call]
  if (kind > 0.6) {
    messages.push({ role: 'tool', content: use.result.content }, assistant(use.result.answer))
  }
  return { tools, messages }
}

function someKind(random: Random): ToolKind {
  return chance(random, 0.35) ? inventedKind(random) : pick(random, TOOL_KINDS)
}

function useTool(random: Random, kind: ToolKind): ToolUse {
  const name = pick(random, kind.names)
  const chosen = kind.slots.map(({ slot, keys, value }) => ({
    slot,
    key: pick(random, keys),
    value: value(random),
  }))
  const values = Object.fromEntries(chosen.map(({ slot, value }) => [slot, value]))
  const parameters = Object.fromEntries(
    chosen.map(({ key, value }) => [key, describe(random, key, value)]),
  )
  const args = Object.fromEntries(chosen.map(({ key, value }) => [key, value]))
  return {
    definition: {
      type: 'function',
      function: {
        name,
        ...(chance(random, 0.8) && { description: pick(random, kind.descriptions) }),
        parameters: { type: 'object', properties: parameters, required: Object.keys(parameters) },
      },
    },
    question: fill(pick(random, kind.questions), values),
    call: { role: 'assistant', content: '', tool_calls: [{ function: { name, arguments: args } }] },
    result: kind.result(random, values),
  }
}

function describe(random: Random, key: string, value: string | number): ToolParameter {
  const numeric = pick(random, ['integer', 'number'] as const)
  const type = typeof value === 'number' ? numeric : 'string'
  return chance(random, 0.25) ? { type, description: `The ${key}.` } : { type }
}

/** Tools without a story, so that names and parameters must be copied rather than known. */
function inventedKind(random: Random): ToolKind {
  const verb = pick(random, VERBS)
  const noun = commonWord(random)
  const more = commonWord(random)
  const key = chance(random, 0.5)
    ? inventedWord(random)
    : pick(random, ['id', 'name', 'value', 'size', 'color', 'number'])
  const slot: Slot = {
    slot: 'x',
    keys: [key],
    value: pick(random, [commonWord, code, (from: Random) => integer(from, 1, 999)]),
  }
  return {
    names: [
      `${verb}_${noun}`,
      `${verb}_${noun}`,
      `${verb}_${noun}_${more}`,
      `${verb}${capitalise(noun)}`,
    ],
    descriptions: [`${verb} a ${noun}.`, `Can ${verb} the ${noun}.`],
    slots: [slot],
    questions: [
      `Please ${verb} the ${noun} {x}.`,
      `What is the ${noun} of {x}?`,
      `What ${noun} has {x}?`,
      `${capitalise(noun)} for {x}`,
      `${verb} ${noun} {x}`,
      `Can you ${verb} the ${noun} {x}?`,
      `Please ${verb} ${noun} {x}`,
    ],
    result: (from) => {
      const value = commonWord(from)
      return told(from, 'result', value, `The result is ${value}.`)
    },
  }
}
