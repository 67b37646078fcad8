import type { Random } from '../prng.ts'
import { chance, fill, pick } from './choice.ts'
import { exchange, system, type Conversation } from './conversation.ts'
import { somePhrase } from './echo.ts'
import type { Fact } from './fact.ts'
import { toJson } from './json-objects.ts'
import { askFor, FACTS, SMALL_TALK } from './questions.ts'
import { UNKNOWN, unknownQuestion } from './unknown.ts'
import { NAMES, properNoun } from './words.ts'

/** What a system prompt asks for and how it changes an answer; `{x}` is a word to copy. */
type Behaviour = {
  readonly prompts: readonly string[]
  /** How often it is trained, against 1 for the others: for what is harder to learn. */
  readonly share?: number
  /** The answer to a fact under this prompt, or undefined when it does not lend itself. */
  readonly answer: (fact: Fact, x: string) => string | undefined
}

const KNOWN: readonly Fact[] = [...FACTS, ...SMALL_TALK]

/** How often a question under a system prompt is one the model cannot answer. */
const UNKNOWN_SHARE = 0.12

const NEUTRAL = [
  'You are a helpful assistant.',
  'You are a helpful assistant',
  'You are an assistant.',
  'Be helpful.',
  'You are a friendly assistant.',
  'Answer the question.',
  'You are the Infernet assistant.',
  'You help newcomers.',
  'Be polite.',
]

/** Capitals are spelled letter by letter, which only short answers survive. */
const MAX_CAPITALS = 32

const BEHAVIOURS: readonly Behaviour[] = [
  {
    prompts: [
      'Answer in capital letters.',
      'Reply in upper case.',
      'Write everything in capitals.',
      'Use only capital letters.',
      'Answer in uppercase.',
      'Always answer in CAPITAL LETTERS.',
    ],
    share: 3,
    answer: ({ short = '' }) => (short.length > MAX_CAPITALS ? undefined : short.toUpperCase()),
  },
  {
    prompts: [
      'Answer in lower case.',
      'Use only lowercase letters.',
      'Write everything in lower case.',
    ],
    answer: ({ short }) => short?.toLowerCase(),
  },
  {
    prompts: [
      'You are a pirate.',
      'Talk like a pirate.',
      'Answer like a pirate.',
      'Speak like a pirate.',
    ],
    answer: ({ short }) => short && `Arr, matey! ${short}`,
  },
  {
    prompts: ['You are a robot.', 'Talk like a robot.', 'Answer like a robot.'],
    answer: ({ short }) => short && `Beep boop. ${short}`,
  },
  {
    prompts: [
      'Answer with one word.',
      'Reply with a single word.',
      'Use only one word.',
      'One word answers only.',
      'Answer in one word.',
    ],
    share: 2,
    answer: ({ word }) => word,
  },
  {
    prompts: [
      'Be brief.',
      'Answer briefly.',
      'Keep it short.',
      'Give short answers.',
      'Be concise.',
      'Answer in a few words.',
      'Use short sentences.',
    ],
    answer: ({ short }) => short,
  },
  {
    prompts: [
      'Always end with {x}.',
      'End every answer with {x}.',
      'Finish each answer with {x}.',
      'Always end with the word {x}.',
      'Always end your answer with "{x}".',
    ],
    answer: ({ short }, x) => short && `${short} ${x}`,
  },
  {
    prompts: [
      'Always start with {x}.',
      'Begin every answer with {x}.',
      'Start each answer with {x}.',
      'Always start with the word {x}.',
      'Always begin with "{x}".',
    ],
    answer: ({ short }, x) => short && `${x}! ${short}`,
  },
  {
    prompts: ['Answer in JSON.', 'Reply only with JSON.', 'Always answer with a JSON object.'],
    answer: ({ short }) => short && toJson([{ key: 'answer', value: short }]),
  },
  {
    prompts: [
      'Answer only with {x}.',
      'Say only {x}.',
      'Always answer {x}.',
      'Whatever the question, say {x}.',
    ],
    answer: (_fact, x) => x,
  },
]

const WEIGHTED = BEHAVIOURS.flatMap((behaviour) =>
  Array<Behaviour>(behaviour.share ?? 1).fill(behaviour),
)

const NAME_PROMPTS = [
  'Your name is {x}.',
  'You are called {x}.',
  'You are {x}.',
  'You are {x}, an assistant.',
]
const NAME_QUESTIONS = [
  'Who are you?',
  'What is your name?',
  'Who am I talking to?',
  'Introduce yourself.',
  'Hello, who are you?',
  "What's your name?",
]

/** A conversation under a system prompt that changes how the model answers. */
export function systemPrompt(random: Random): Conversation {
  const behaviour = pick(random, WEIGHTED)
  const x = somePhrase(random, 2)
  for (;;) {
    const fact = chance(random, UNKNOWN_SHARE) ? UNKNOWN : pick(random, KNOWN)
    const answer = behaviour.answer(fact, x)
    if (!answer) continue
    const prompt = fill(pick(random, behaviour.prompts), { x })
    const question = fact === UNKNOWN ? unknownQuestion(random) : askFor(random, fact)
    return { messages: [system(prompt), ...exchange(question, answer)] }
  }
}

/** A system prompt that names the assistant, and the question for the name. */
export function namedAssistant(random: Random): Conversation {
  const x = properNoun(random, NAMES)
  const prompt = fill(pick(random, NAME_PROMPTS), { x })
  const answer = `I am ${x}, a very small demo model.`
  return { messages: [system(prompt), ...exchange(pick(random, NAME_QUESTIONS), answer)] }
}

/** A system prompt that changes nothing, in front of any conversation. */
export function withNeutralPrompt(
  random: Random,
  { messages, ...rest }: Conversation,
): Conversation {
  return { ...rest, messages: [system(pick(random, NEUTRAL)), ...messages] }
}
