import type { Random } from '../prng.ts'
import { chance, integer, pick, pickSeveral } from './choice.ts'
import { exchange, system, type Conversation } from './conversation.ts'
import { CITIES, code, commonWord, inventedWord, NAMES, properNoun } from './words.ts'

type Field = { readonly key: string; readonly value: string | number | boolean }

const OPENINGS = [
  'Reply with JSON: ',
  'Answer in JSON: ',
  'Give me a JSON object with ',
  'Give me JSON: ',
  'JSON: ',
  'Write a JSON object: ',
  'Return JSON with ',
  'Make a JSON object with ',
  'Respond with a JSON object: ',
  'As JSON: ',
  'Convert to JSON: ',
]
const SYSTEM_PROMPTS = [
  'Answer in JSON.',
  'Reply only with JSON.',
  'You reply with JSON objects.',
  'Always answer with a JSON object.',
]
const SEPARATORS = [', ', ', ', ', ', ' and ', '; ']
const LINKS = [' ', ' ', ' ', ': ', ' = ', ' is ']

/** Python's spacing, which is also what chat templates use for tools. */
export function toJson(fields: readonly Field[]): string {
  const body = fields.map(({ key, value }) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
  return `{${body.join(', ')}}`
}

/** A request to write named values as a JSON object. */
export function jsonObject(random: Random): Conversation {
  const fields = someFields(random)
  const link = pick(random, LINKS)
  const list = fields
    .map(({ key, value }) => `${key}${link}${value}`)
    .join(pick(random, SEPARATORS))
  const answer = toJson(fields)
  if (chance(random, 0.2)) {
    return { messages: [system(pick(random, SYSTEM_PROMPTS)), ...exchange(list, answer)] }
  }
  const ending = chance(random, 0.3) ? '.' : ''
  return { messages: exchange(pick(random, OPENINGS) + list + ending, answer) }
}

function someFields(random: Random): Field[] {
  const known: Field[] = [
    { key: 'name', value: properNoun(random, NAMES) },
    { key: 'age', value: integer(random, 1, 99) },
    { key: 'city', value: properNoun(random, CITIES) },
    { key: 'color', value: commonWord(random) },
    { key: 'price', value: integer(random, 1, 999) },
    { key: 'count', value: integer(random, 0, 99) },
    { key: 'id', value: integer(random, 1, 9999) },
    { key: 'title', value: commonWord(random) },
    { key: 'year', value: integer(random, 1900, 2030) },
    { key: 'ok', value: chance(random, 0.5) },
    { key: 'active', value: chance(random, 0.5) },
    { key: 'model', value: commonWord(random) },
    { key: inventedWord(random), value: commonWord(random) },
    { key: commonWord(random), value: commonWord(random) },
    { key: commonWord(random), value: integer(random, 0, 999) },
    { key: commonWord(random), value: properNoun(random, NAMES) },
    { key: commonWord(random), value: chance(random, 0.5) },
    { key: 'currency', value: code(random) },
  ]
  const size = chance(random, 0.15) ? 1 : integer(random, 2, 4)
  return pickSeveral(random, known, size)
}
