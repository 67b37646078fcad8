import type { ByteLevelBpe } from '@infernet/models/byte-level-bpe'
import { mulberry32 } from '@infernet/models/prng'
import { encodeTranscript } from '@infernet/schemas/transcript'
import type { Attack } from './attacks/attack.ts'
import { ENDING_ATTACKS } from './attacks/ending.ts'
import { FORGED_ATTACKS } from './attacks/forged.ts'
import { PROMPT_ATTACKS } from './attacks/prompt.ts'
import { SAMPLING_ATTACKS } from './attacks/sampling.ts'
import { WEIGHTS_ATTACKS } from './attacks/weights.ts'
import type { Budget } from './budget.ts'
import type { Corpus } from './corpus.ts'
import { figuresOf, type Figures } from './figures.ts'
import { honestClasses, type HonestClasses } from './honest.ts'
import { isContradictory, type ClaimedAnswer, type JudgedAnswer } from './judge.ts'
import { readingOf, type Lab } from './lab.ts'
import { measureNulls, type Null } from './nulls.ts'
import { promptSource } from './prompts.ts'
import {
  claimOf,
  fakeLeavesRefused,
  found,
  judgeByRules,
  underCheck,
  type RuleFinding,
} from './rules.ts'
import type { Family } from './setup.ts'

/** Answers that are read without asking for anything, to see what that takes. */
const READ_UNASKED = 100

const ATTACKS: readonly Attack[] = [
  ...WEIGHTS_ATTACKS,
  ...FORGED_ATTACKS,
  ...SAMPLING_ATTACKS,
  ...PROMPT_ATTACKS,
  ...ENDING_ATTACKS,
]

export interface AttackRow {
  readonly id: string
  readonly name: string
  readonly figures: Figures
}

/** What one way of drawing has shown. */
export interface Findings {
  readonly honest: HonestClasses
  readonly honestRequests: number
  /** Of the half that is judged, those that contradict themselves (layer 1). */
  readonly honestContradicted: number
  /** Nats a token: of the promised model's draws, and of the tokens under it. */
  readonly entropy: number
  readonly crossEntropy: number
  readonly attacks: readonly AttackRow[]
  readonly nulls: readonly Null[]
  readonly rules: readonly RuleFinding[]
  readonly isFakeRootRefused: boolean
  readonly cost: Cost
}

/** What verification takes, beside generating. */
export interface Cost {
  readonly generateUsPerToken: number
  /** Of a verifier: read with candidates listed, and read alone. */
  readonly scoreUsPerToken: number
  readonly readUsPerToken: number
  /** Of layer 1. */
  readonly replayUsPerToken: number
  /** What a claim adds to every receipt, as it is signed. */
  readonly claimBytes: number
  /** Of an opened answer, as it is sent. */
  readonly openingBytes: number
  readonly answerTokens: number
}

/** Runs all of it for one lab. Calibration and judgement never see prompts of the same text. */
export async function experiment(
  lab: Lab,
  {
    corpus,
    tokenizer,
    budget,
    seed,
  }: {
    readonly corpus: Corpus
    readonly tokenizer: ByteLevelBpe
    readonly budget: Budget
    readonly seed: number
  },
  onStep: (text: string) => void,
): Promise<Findings> {
  const step = (text: string) => onStep(`${lab.family}: ${text}`)
  const random = mulberry32(seed)
  const chance = { random, tries: budget.tries }
  // By turns, and not by folders: what is learnt of one subject says little of another.
  const everySecond = (from: number) => corpus.heldOut.filter((_, i) => i % 2 === from)
  const seenPrompts = promptSource(everySecond(0), tokenizer, random)
  const prompts = promptSource(everySecond(1), tokenizer, random)
  const orders = (count: number, source = prompts) =>
    Array.from({ length: count }, () => lab.order(source()))

  step(`${budget.honest} honest answers`)
  const seen = await lab.judge(await lab.answer(orders(budget.honest / 2, seenPrompts)))
  const answers = await lab.answer(orders(budget.honest / 2))
  const unseen = await lab.judge(answers)
  await lab.read(answers.slice(0, READ_UNASKED).map(readingOf), { manner: 'unasked' })
  const cost = costOf(lab, answers, unseen)
  const honest = honestClasses(seen, unseen)
  const nulls = await measureNulls(lab, { answers, judged: unseen, honest, step })
  const rules = judgeByRules(answers.map((answer) => underCheck(answer, tokenizer, lab)))
  const attacks: AttackRow[] = []
  for (const { id, name, answers: make } of ATTACKS) {
    step(`${id} ${name}`)
    const claimed = await make(lab, orders(budget.perAttack))
    // Nothing that it could have been done to came up.
    if (claimed.length === 0) continue
    attacks.push({ id, name, figures: figuresOf(await lab.judge(claimed), honest, chance) })
    if (id === 'A12') {
      const byRules = found(claimed.map((answer) => underCheck(answer, tokenizer, lab)))
      rules.push({ id, name: 'padding: no end where there was one', ...byRules })
    }
  }
  return {
    honest,
    honestRequests: budget.honest,
    honestContradicted: unseen.filter(isContradictory).length,
    entropy: meanOf(unseen, ({ entropy }) => entropy),
    crossEntropy: meanOf(unseen, ({ crossEntropy }) => crossEntropy),
    attacks,
    nulls,
    rules,
    isFakeRootRefused: answers.every((answer) => fakeLeavesRefused(answer, lab.family)),
    cost,
  }
}

function costOf(
  lab: Lab,
  claimed: readonly ClaimedAnswer[],
  judged: readonly JudgedAnswer[],
): Cost {
  const { generateS, generated, scoreS, read, unaskedS, readUnasked } = lab.spent
  const bytes = claimed.map((answer) => encodeTranscript(answer).length)
  const tokens = judged.reduce((sum, answer) => sum + answer.tokens, 0)
  return {
    generateUsPerToken: (1e6 * generateS) / generated,
    scoreUsPerToken: (1e6 * scoreS) / read,
    readUsPerToken: (1e6 * unaskedS) / readUnasked,
    replayUsPerToken: (1e3 * judged.reduce((sum, { replayMs }) => sum + replayMs, 0)) / tokens,
    claimBytes: claimBytesOf(claimed[0], lab.family),
    openingBytes: bytes.reduce((sum, one) => sum + one, 0) / claimed.length,
    answerTokens: tokens / judged.length,
  }
}

const claimBytesOf = (answer: ClaimedAnswer | undefined, family: Family): number =>
  answer === undefined ? 0 : JSON.stringify(claimOf(answer, family)).length

const meanOf = (
  answers: readonly JudgedAnswer[],
  value: (answer: JudgedAnswer) => number,
): number => answers.reduce((sum, answer) => sum + value(answer), 0) / answers.length
