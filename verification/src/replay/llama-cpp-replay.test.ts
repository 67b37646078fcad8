import { fileURLToPath } from 'node:url'
import {
  getLlama,
  LlamaLogLevel,
  type Llama,
  type LlamaContext,
  type LlamaContextSequence,
  type LlamaModel,
  type Token,
} from 'node-llama-cpp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Position } from '@infernet/schemas/transcript'
import type { SamplerSettings } from '../sampler-settings.ts'
import { replayExcess } from './replay.ts'
import type { ReplayVariant } from './replay-variant.ts'

const PATH = fileURLToPath(new URL('../../../models/weights/infernet-demo.gguf', import.meta.url))
const VOCABULARY = 1_024
const CONTEXT = 512
const ANSWER_TOKENS = 200

/** Nats. The same machine computed both in the same steps; llama.cpp adds probabilities up in 32 bits. */
const SAME_NUMBERS = 1e-4
/** Nats that another token, or seed, is to be off by. */
const WRONG = 0.05

/** Nothing that the model was trained on, so that it hesitates. */
const PROMPT = Array.from({ length: 30 }, (_, i) => ((i * 397) % 1_000) as Token)

const SETTINGS: readonly SamplerSettings[] = [
  { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 1n },
  { temperature: 1.5, topK: 40, topP: 0.95, minP: 0, seed: 4_000_000_000n },
  { temperature: 1.5, topK: 0, topP: 0.9, minP: 0, seed: 3n },
  { temperature: 2, topK: 40, topP: 1, minP: 0.05, seed: 4n },
  { temperature: 2, topK: 5, topP: 0.99, minP: 0.01, seed: 5n },
  { temperature: 0.5, topK: 100, topP: 1, minP: 0, seed: 6n },
  { temperature: 0, topK: 40, topP: 0.95, minP: 0, seed: 7n },
]

interface Answer {
  readonly settings: SamplerSettings
  readonly tokens: readonly Token[]
}

let llama: Llama
let model: LlamaModel
let context: LlamaContext

beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error })
  model = await llama.loadModel({ modelPath: PATH })
  context = await model.createContext({ contextSize: CONTEXT, threads: 1 })
})
afterAll(() => llama?.dispose())

describe.each(SETTINGS)(
  'a replay of llama.cpp at $temperature, $topK, $topP, $minP',
  (settings) => {
    let answer: Answer
    let positions: readonly Position[]
    beforeAll(async () => {
      answer = await generate(settings)
      positions = await scoreStepwise(answer)
    })

    it('explains every token, and from the likeliest alone accuses none', () => {
      expect(Math.max(...excessOf(answer, positions))).toBeLessThan(SAME_NUMBERS)
      const few = positions.map((position) => ({ ...position, top: position.top.slice(0, 8) }))
      expect(excessOf(answer, few).filter((excess) => excess >= SAME_NUMBERS)).toEqual([])
    })

    it('asks for no more change than scoring the answer in one batch makes', async () => {
      const batched = await scoreAtOnce(answer)
      for (const [i, excess] of excessOf(answer, batched).entries()) {
        expect(excess).toBeLessThanOrEqual(distance(positions[i]!, batched[i]!) + SAME_NUMBERS)
      }
    })

    it('does not explain another seed, unless none is used', () => {
      const other = { ...answer, settings: { ...settings, seed: settings.seed + 1n } }
      const share = shareWrong(excessOf(other, positions))
      if (settings.temperature === 0) expect(share).toBe(0)
      else expect(share).toBeGreaterThan(0.03)
    })
  },
)

describe('a lone candidate', () => {
  it('takes a number from this llama.cpp, as it takes none from older ones', async () => {
    const answer = await generate({ temperature: 1, topK: 0, topP: 0.5, minP: 0, seed: 3n })
    const positions = await scoreStepwise(answer)
    expect(shareWrong(excessOf(answer, positions, 'llama-cpp'))).toBe(0)
    expect(shareWrong(excessOf(answer, positions, 'llama-cpp-early-out'))).toBeGreaterThan(0)
  })
})

function excessOf(
  { settings }: Answer,
  positions: readonly Position[],
  variant: ReplayVariant = 'llama-cpp',
): number[] {
  const answer = { settings, positions, variant, promptLength: PROMPT.length }
  return [...replayExcess({ ...answer, vocabSize: VOCABULARY })]
}

const shareWrong = (excess: readonly number[]): number =>
  excess.filter((one) => one > WRONG).length / excess.length

/** Calls llama.cpp as the agent does, and on when an answer ends, where the model knows least what comes. */
async function generate(settings: SamplerSettings): Promise<Answer> {
  const options = { ...settings, seed: Number(settings.seed), yieldEogToken: true }
  const sequence = context.getSequence()
  const tokens: Token[] = []
  for await (const token of sequence.evaluate([...PROMPT], options)) {
    if (tokens.push(token) === ANSWER_TOKENS) break
  }
  await sequence.dispose()
  return { settings, tokens }
}

/** Every place's whole distribution, computed as when it was generated: token by token. */
async function scoreStepwise({ tokens }: Answer): Promise<Position[]> {
  const sequence = context.getSequence()
  const positions: Position[] = []
  let read: readonly Token[] = PROMPT
  for (const token of tokens) {
    positions.push(...(await score(sequence, read, [token])))
    read = [token]
  }
  await sequence.dispose()
  return positions
}

/** The same as a verifier computes it. */
async function scoreAtOnce({ tokens }: Answer): Promise<Position[]> {
  const sequence = context.getSequence()
  const positions = await score(sequence, PROMPT, tokens)
  await sequence.dispose()
  return positions
}

async function score(
  sequence: LlamaContextSequence,
  before: readonly Token[],
  answer: readonly Token[],
): Promise<Position[]> {
  const first = before.length - 1
  const filter = { tokens: [], includeTop: VOCABULARY }
  const generateNext = { totalLogitWeight: true, logits: { filter }, options: { temperature: 0 } }
  const output = await sequence.controlledEvaluate(
    [...before, ...answer.slice(0, -1)].map((token, i) =>
      i < first ? token : [token, { generateNext }],
    ),
  )
  return answer.map((id, i) => {
    const { logits, totalLogitWeight } = output[first + i]!.next
    const listed = [...logits!]
    const logSum = listed[0]![1] + Math.log(totalLogitWeight!)
    const top = listed.map(([candidate, logit]) => ({ id: candidate, logprob: logit - logSum }))
    return { id, logprob: logits!.get(id)! - logSum, top }
  })
}

/** The most by which a logprob of one differs from the other's. */
function distance(one: Position, other: Position): number {
  const others = new Map(other.top.map(({ id, logprob }) => [id, logprob]))
  return Math.max(...one.top.map(({ id, logprob }) => Math.abs(logprob - others.get(id)!)))
}
