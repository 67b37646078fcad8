import type { Random } from '../prng.ts'
import { fill, integer, pick } from './choice.ts'
import { exchange, type Conversation } from './conversation.ts'
import type { Fact } from './fact.ts'
import { vary } from './questions.ts'
import { CITIES, commonWord, NAMES, properNoun } from './words.ts'

/** What the model says when asked about anything but Infernet. */
const UNKNOWN_ANSWER =
  'I do not know. I am a very small demo model: I only know about Infernet. Please ask a larger model.'

/** The same as a fact, for system prompts that change how it is said. */
export const UNKNOWN: Fact = {
  questions: [],
  answer: UNKNOWN_ANSWER,
  short: 'I do not know.',
  word: 'Unknown',
}

const QUESTIONS = [
  'What is the capital of {city}?',
  'What is the capital of France?',
  'Who is {name}?',
  'Who was {name} {name}?',
  'Who wrote {thing}?',
  'Who invented the {thing}?',
  'Who is the president of {city}?',
  'When was {name} born?',
  'Where is {city}?',
  'How far is it from {city} to {city}?',
  'How old is the {thing}?',
  'How tall is {name}?',
  'How do I cook {thing}?',
  'How do I grow a {thing}?',
  'How do I fix a {thing}?',
  'Why is the {thing} {word}?',
  'Why is the sky blue?',
  'What is the meaning of life?',
  'What is a {thing}?',
  'What is {thing}?',
  'What color is a {thing}?',
  'What should I eat today?',
  'Write a poem about {thing}.',
  'Write a story about a {word} {thing}.',
  'Write an essay about {thing}.',
  'Write an email to {name}.',
  'Tell me a joke.',
  'Tell me a story about {name}.',
  'Sing a song about {thing}.',
  'Translate {thing} into French.',
  'Translate "{word} {thing}" to German.',
  'What is {n} plus {m}?',
  'What is {n} times {m}?',
  'What is {n} + {m}?',
  'Solve {n}x + {m} = 0.',
  'Calculate {n} * {m}.',
  'What is the square root of {n}?',
  'What is the weather in {city}?',
  'What time is it in {city}?',
  'What day is it today?',
  'What is the news?',
  'Who won the game in {city}?',
  'Summarize this text: the {word} {thing} and the {thing}.',
  'Explain quantum physics.',
  'Explain how a {thing} works.',
  'Recommend a book about {thing}.',
  'Do you like {thing}?',
  'Is a {thing} {word}?',
  'Plan a trip to {city}.',
  'Give me a recipe for {thing}.',
  'How many people live in {city}?',
  'What is the best {thing} in {city}?',
  'List three {thing} facts.',
  '{word} {thing} {thing}',
  '{thing}',
  'Can you draw a {thing}?',
  'What does {name} think about {thing}?',
  'Which is better, {thing} or {thing}?',
  'Should I buy a {thing}?',
  'Is {name} in {city}?',
]

/** A question whose honest answer is "I do not know". */
export function unknown(random: Random): Conversation {
  return { messages: exchange(unknownQuestion(random), UNKNOWN_ANSWER) }
}

export function unknownQuestion(random: Random): string {
  const words: Record<string, () => string> = {
    city: () => properNoun(random, CITIES),
    name: () => properNoun(random, NAMES),
    thing: () => commonWord(random),
    word: () => commonWord(random),
    n: () => `${integer(random, 1, 99)}`,
    m: () => `${integer(random, 1, 99)}`,
  }
  const pattern = pick(random, QUESTIONS)
  const filled = pattern.replace(/\{(\w+)\}/g, (whole, slot: string) => words[slot]?.() ?? whole)
  return vary(random, fill(filled, {}))
}
