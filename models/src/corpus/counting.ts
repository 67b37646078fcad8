import type { Random } from '../prng.ts'
import { chance, fill, integer, pick } from './choice.ts'
import { exchange, type Conversation } from './conversation.ts'
import { vary } from './questions.ts'

const UP = [
  'Count from {a} to {b}.',
  'Count from {a} to {b}',
  'Please count from {a} to {b}.',
  'Can you count from {a} to {b}?',
  'Count {a} to {b}',
  'List the numbers from {a} to {b}.',
  'Numbers from {a} to {b}',
]
const UP_TO = [
  'Count to {b}.',
  'Count to {b}',
  'Please count to {b}.',
  'Can you count to {b}?',
  'Count up to {b}.',
]
const DOWN = [
  'Count down from {b} to {a}.',
  'Count backwards from {b} to {a}.',
  'Count from {b} down to {a}.',
  'Count from {b} to {a}.',
]
const NEXT = ['What comes after {a}?', 'Which number comes after {a}?', 'What number follows {a}?']
const PREVIOUS = ['What comes before {b}?', 'Which number comes before {b}?']

/** Numbers are counted up to here; beyond it the model has seen no carry. */
const LARGEST = 130
/** "Count to {b}" begins at one, so longer ones would crowd out everything else. */
const LARGEST_COUNT_TO = 30

/** A request to count, upwards or downwards, or for a neighbour. */
export function counting(random: Random): Conversation {
  const length = chance(random, 0.8) ? integer(random, 2, 12) : integer(random, 13, 25)
  const a = chance(random, 0.75) ? integer(random, 0, 40) : integer(random, 41, LARGEST - length)
  const b = a + length
  const kind = random()
  if (kind < 0.42) return ask(random, UP, { a, b }, numbers(a, b).join(', '))
  if (kind < 0.56) {
    const last = integer(random, 2, LARGEST_COUNT_TO)
    return ask(random, UP_TO, { b: last }, numbers(1, last).join(', '))
  }
  if (kind < 0.86) return ask(random, DOWN, { a, b }, numbers(a, b).toReversed().join(', '))
  if (kind < 0.93) return ask(random, NEXT, { a }, `${a + 1}`)
  return ask(random, PREVIOUS, { b }, `${b - 1}`)
}

function ask(
  random: Random,
  patterns: readonly string[],
  values: Record<string, number>,
  answer: string,
): Conversation {
  return { messages: exchange(vary(random, fill(pick(random, patterns), values)), answer) }
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
