import type { ByteLevelBpe } from '@infernet/models/byte-level-bpe'
import {
  claimSchema,
  commitmentsOf,
  openingFault,
  type Claim,
  type Transcript,
} from '@infernet/schemas/transcript'
import type { AnswerUnderCheck } from '@infernet/verification/plausibility/answer-under-check'
import { plausibility } from '@infernet/verification/plausibility/plausibility'
import type { ClaimedAnswer } from './judge.ts'
import type { Lab } from './lab.ts'
import { END_TOKEN } from './model-training.ts'
import type { Family } from './setup.ts'

/** What the shape of answers tells (layer 0): no number is computed anew. */
export interface RuleFinding {
  readonly id: string
  readonly name: string
  readonly answers: number
  /** Share of answers that contradict themselves, and that are a reason to audit. */
  readonly failed: number
  readonly suspicious: number
  /** The checks that found something. */
  readonly checks: readonly string[]
}

const ROUND_TRIP_MS = 20
const MS_PER_TOKEN = 15
const MAX_TOKENS_PER_SECOND = 100

/** What the edge and an honest provider have of an answer. */
export function underCheck(
  { prompt, positions, settings }: ClaimedAnswer,
  tokenizer: ByteLevelBpe,
  { family, maxTokens }: Pick<Lab, 'family' | 'maxTokens'>,
): AnswerUnderCheck {
  const end = tokenizer.idOf(END_TOKEN) ?? -1
  const ids = positions.map(({ id }) => id)
  const text = tokenizer.decode(ids.filter((id) => id !== end))
  const isEnded = ids.at(-1) === end
  const tokens = ids.length - (isEnded ? 1 : 0)
  return {
    promptIds: prompt,
    renderedPromptIds: prompt,
    positions,
    candidatesAsked: family === 'llama-cpp' ? 1 : 20,
    vocabularySize: tokenizer.size,
    eosIds: [end],
    text,
    detokenised: text,
    contentBytes: Buffer.byteLength(text),
    stopSequences: [],
    usage: { prompt_tokens: prompt.length, completion_tokens: tokens },
    countedTokens: tokens,
    finishReason: isEnded ? 'stop' : 'length',
    maxTokens,
    contextLength: undefined,
    sampling: settings,
    plainSampling: true,
    timing: {
      ttftMs: ROUND_TRIP_MS + MS_PER_TOKEN,
      totalMs: ROUND_TRIP_MS + MS_PER_TOKEN * (1 + ids.length),
      workedMs: MS_PER_TOKEN * (1 + ids.length),
      roundTripMs: ROUND_TRIP_MS,
      maxTokensPerSecond: MAX_TOKENS_PER_SECOND,
    },
  }
}

type Tamper = (answer: AnswerUnderCheck) => AnswerUnderCheck

/** Part of the tokens after which an answer is cut short. */
const EARLY = 1 / 3

/** What cheats do to an honest answer. */
const TAMPERS: readonly (readonly [id: string, name: string, tamper: Tamper])[] = [
  ['–', 'honest', (answer) => answer],
  [
    'A10',
    'prompt truncated, its ids shown',
    (answer) => ({ ...answer, promptIds: answer.promptIds.slice(answer.promptIds.length / 2) }),
  ],
  [
    'A11',
    'early stop, said to be the model’s',
    (answer) => shortened(answer, { finishReason: 'stop' }),
  ],
  [
    'A11',
    'early stop, said to be for length',
    (answer) => shortened(answer, { finishReason: 'length' }),
  ],
  [
    'A13',
    'usage three times as high',
    (answer) => ({
      ...answer,
      usage: { ...answer.usage, completion_tokens: 3 * answer.usage.completion_tokens },
    }),
  ],
  [
    'A14',
    'honest ids, other text',
    (answer) => ({ ...answer, text: [...answer.text].toReversed().join('') }),
  ],
  [
    'A19',
    'relay to an API without ids or logprobs',
    (answer) => ({ ...answer, positions: [], candidatesAsked: 1 }),
  ],
  [
    'A25',
    'logprobs rounded to two decimals',
    (answer) => ({
      ...answer,
      positions: answer.positions.map((position) => ({
        ...position,
        logprob: Math.round(position.logprob * 100) / 100,
        top: position.top.map(({ id, logprob }) => ({
          id,
          logprob: Math.round(logprob * 100) / 100,
        })),
      })),
    }),
  ],
]

function shortened(
  answer: AnswerUnderCheck,
  over: Pick<AnswerUnderCheck, 'finishReason'>,
): AnswerUnderCheck {
  const positions = answer.positions.slice(0, Math.ceil(EARLY * answer.positions.length))
  return {
    ...answer,
    ...over,
    positions,
    // Not what is judged here.
    detokenised: undefined,
    usage: { ...answer.usage, completion_tokens: positions.length },
    countedTokens: positions.length,
  }
}

/** Applies every tampering to every answer. */
export const judgeByRules = (answers: readonly AnswerUnderCheck[]): RuleFinding[] =>
  TAMPERS.map(([id, name, tamper]) => ({ id, name, ...found(answers.map(tamper)) }))

/** What layer 0 finds in answers as they are. */
export function found(answers: readonly AnswerUnderCheck[]): Omit<RuleFinding, 'id' | 'name'> {
  const findings = answers.map((answer) =>
    plausibility(answer).filter(({ severity }) => severity !== 'note'),
  )
  const share = (severity: string) =>
    findings.filter((list) => list.some((one) => one.severity === severity)).length / answers.length
  return {
    answers: answers.length,
    failed: share('fail'),
    suspicious: share('suspicious'),
    checks: [...new Set(findings.flat().map(({ check }) => check))],
  }
}

/** What an honest provider signs for an answer. */
export const claimOf = (answer: ClaimedAnswer, family: Family): Claim => {
  const { temperature, topK, topP, minP, seed } = answer.settings
  return claimSchema.parse({
    spec: '0'.repeat(64),
    replay: family,
    sampler: { temperature, top_k: topK, top_p: topP, min_p: minP, seed: `${seed}` },
    kept_only: family === 'llama-cpp',
    ...commitmentsOf(answer),
  })
}

/** A24: a root over other leaves than those that are shown. Whether what was signed is taken, and nothing else. */
export function fakeLeavesRefused(answer: ClaimedAnswer, family: Family): boolean {
  const { prompt, positions } = answer
  const claim = claimOf(answer, family)
  const fakes: Transcript[] = [
    { prompt, positions: positions.map((one) => ({ ...one, logprob: one.logprob - 0.01 })) },
    { prompt, positions: positions.map((one) => ({ ...one, top: one.top.slice(0, -1) })) },
    { prompt, positions: positions.slice(0, -1) },
    { prompt: prompt.slice(1), positions },
  ]
  return (
    openingFault(claim, answer) === undefined &&
    fakes.every((fake) => openingFault(claim, fake) !== undefined)
  )
}
