import type { Random } from '../prng.ts'
import { chance, fill, integer, pick } from './choice.ts'
import { exchange, type Conversation } from './conversation.ts'
import { capitalise, CITIES, code, commonWord, NAMES, properNoun } from './words.ts'

const PATTERNS = [
  'Say {x}',
  'Say {x}.',
  'Say: {x}',
  'Repeat: {x}',
  'Repeat after me: {x}',
  'Please repeat: {x}',
  'Echo {x}',
  'Echo: {x}',
  'Repeat the words {x}',
  'Repeat exactly: {x}',
  'Say "{x}"',
  'Repeat "{x}"',
  'Reply with {x}',
  'Answer with {x}.',
  'Write {x}',
]

/** A request to repeat something of up to `longest` words. */
export function echo(random: Random, longest = 6): Conversation {
  const phrase = somePhrase(random, longest)
  return { messages: exchange(fill(pick(random, PATTERNS), { x: phrase }), phrase) }
}

/** A few words or numbers without much sense. */
export function somePhrase(random: Random, longest: number): string {
  const count = chance(random, 0.3) ? integer(random, 1, 2) : integer(random, 1, longest)
  const words = Array.from({ length: count }, () => someWord(random))
  const phrase = words.join(' ')
  return chance(random, 0.15) ? capitalise(phrase) : phrase
}

function someWord(random: Random): string {
  const kind = random()
  if (kind < 0.7) return commonWord(random)
  if (kind < 0.8) return properNoun(random, NAMES)
  if (kind < 0.87) return properNoun(random, CITIES)
  if (kind < 0.91) return code(random)
  return `${integer(random, 0, 9999)}`
}
