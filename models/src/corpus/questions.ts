import type { Random } from '../prng.ts'
import { chance, fill, pick } from './choice.ts'
import { TERM_QUESTIONS, type Fact } from './fact.ts'
import { MONEY_FACTS } from './facts-money.ts'
import { NETWORK_FACTS } from './facts-network.ts'
import { SMALL_TALK } from './facts-small-talk.ts'
import { START_FACTS } from './facts-start.ts'
import { TRUST_FACTS } from './facts-trust.ts'

/** Everything the model knows about Infernet. */
export const FACTS: readonly Fact[] = [
  ...START_FACTS,
  ...NETWORK_FACTS,
  ...MONEY_FACTS,
  ...TRUST_FACTS,
]

export { SMALL_TALK }

const OPENINGS = [
  'Please tell me: ',
  'Hi, ',
  'Hello. ',
  'I am new here. ',
  'Quick question: ',
  'One more thing: ',
  'So, ',
  'And ',
  'Sorry, ',
]

/** One of the ways to ask for a fact. */
export function askFor(random: Random, fact: Fact): string {
  const asTerm = fact.term !== undefined && (fact.questions.length === 0 || chance(random, 0.5))
  const question = asTerm
    ? fill(pick(random, TERM_QUESTIONS), { '': spokenTerm(random, fact.term ?? '') })
    : pick(random, fact.questions)
  return vary(random, question)
}

/** People drop the article: "define lease". */
function spokenTerm(random: Random, term: string): string {
  return chance(random, 0.4) ? term.replace(/^(an?|the) /, '') : term
}

/** The same question as someone else would type it. */
export function vary(random: Random, question: string): string {
  let text = question
  if (chance(random, 0.12)) text = pick(random, OPENINGS) + text
  if (chance(random, 0.04)) text = `${text.replace(/[?.!]$/, '')} please`
  if (chance(random, 0.25)) text = text.toLowerCase()
  if (chance(random, 0.3)) text = text.replaceAll("'", '')
  if (chance(random, 0.5)) text = text.replaceAll('icence', 'icense')
  if (chance(random, 0.25)) text = text.replace(/[?.!]$/, '')
  return text
}
