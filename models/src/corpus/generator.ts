import type { Random } from '../prng.ts'
import { chance, pick } from './choice.ts'
import { exchange, type Conversation } from './conversation.ts'
import { counting } from './counting.ts'
import { echo } from './echo.ts'
import { jsonObject } from './json-objects.ts'
import { askFor, FACTS, SMALL_TALK } from './questions.ts'
import { namedAssistant, systemPrompt, withNeutralPrompt } from './system-prompts.ts'
import { toolConversation } from './tools.ts'
import { unknown } from './unknown.ts'

type Kind = { readonly share: number; readonly make: (random: Random) => Conversation }

/** What the model reads, by share of conversations. */
const KINDS: readonly Kind[] = [
  { share: 0.2, make: fact },
  { share: 0.05, make: smallTalk },
  { share: 0.06, make: unknown },
  { share: 0.1, make: counting },
  { share: 0.08, make: (random) => echo(random) },
  { share: 0.09, make: jsonObject },
  { share: 0.14, make: systemPrompt },
  { share: 0.02, make: namedAssistant },
  { share: 0.19, make: toolConversation },
  { share: 0.07, make: severalTurns },
]

/** Words in the phrases of the copying exercise: long ones, most tokens of which are copied. */
const EXERCISE_WORDS = 20

/** What the model starts with: nothing but copying, so that its copying heads settle first. */
export function copyingExercise(random: Random): Conversation {
  return echo(random, EXERCISE_WORDS)
}

/** How often a conversation without a system prompt gets one that changes nothing. */
const NEUTRAL_PROMPT_SHARE = 0.2

/** The next conversation of the endless corpus that `random` determines. */
export function nextConversation(random: Random): Conversation {
  const conversation = someKind(random, KINDS)(random)
  const hasSystem = conversation.messages[0]?.role === 'system'
  if (hasSystem || !chance(random, NEUTRAL_PROMPT_SHARE)) return conversation
  return withNeutralPrompt(random, conversation)
}

function someKind(random: Random, kinds: readonly Kind[]): Kind['make'] {
  let rest = random() * kinds.reduce((sum, { share }) => sum + share, 0)
  const chosen = kinds.find(({ share }) => (rest -= share) < 0)
  return chosen?.make ?? fact
}

function fact(random: Random): Conversation {
  const chosen = pick(random, FACTS)
  return { messages: exchange(askFor(random, chosen), chosen.answer) }
}

function smallTalk(random: Random): Conversation {
  const chosen = pick(random, SMALL_TALK)
  return { messages: exchange(askFor(random, chosen), chosen.answer) }
}

/** Two to five exchanges, each answerable by itself. */
function severalTurns(random: Random): Conversation {
  const turns = pick(random, [2, 2, 2, 3, 3, 4, 5])
  const makers = [fact, fact, fact, smallTalk, smallTalk, counting, echo, unknown]
  return {
    messages: Array.from({ length: turns }, () => pick(random, makers)(random).messages).flat(),
  }
}
