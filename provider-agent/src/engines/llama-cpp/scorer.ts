import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import type { ControlledEvaluateIndexOutput, LlamaContextSequence, Token } from 'node-llama-cpp'
import { faultOf } from '../engine.ts'
import { scoredPosition } from '../score-order.ts'
import type { FromChild } from './messages.ts'
import { packPosition } from './packed-position.ts'
import { keepPrefix, type SequencePool } from './sequence-pool.ts'

/**
 * Tokens evaluated together: enough for a batch to pay, few enough that an abort and other sequences do
 * not wait long, and that their candidates, which come as maps, take no memory to speak of. From 64 on
 * llama.cpp computes attention on a CPU in another way than for single tokens, with other rounding.
 */
const TOKENS_PER_STEP = 32

/** Tells how likely given tokens are, on a loaded model's sequences. */
export class Scorer {
  readonly #pool: SequencePool
  readonly #post: (message: FromChild) => void
  readonly #running = new Set<number>()

  constructor(pool: SequencePool, post: (message: FromChild) => void) {
    this.#pool = pool
    this.#post = post
  }

  /** True when the run was one of these. */
  abort(run: number): boolean {
    return this.#running.delete(run)
  }

  /** Ids must be in the vocabulary, or llama.cpp ends this process. */
  async score(
    run: number,
    promptIds: readonly number[],
    outputIds: readonly number[],
  ): Promise<void> {
    this.#running.add(run)
    const prompt = promptIds.map(toToken)
    const sequence = await this.#pool.take(prompt)
    try {
      if (this.#running.has(run)) await this.#read(run, sequence, prompt, outputIds.map(toToken))
      if (this.#running.delete(run)) this.#post({ type: 'end', run, reason: 'stop' })
    } catch (error) {
      if (this.#running.delete(run)) this.#post({ type: 'fail', run, error: faultOf(error) })
    } finally {
      this.#pool.giveBack(sequence)
    }
  }

  async #read(
    run: number,
    sequence: LlamaContextSequence,
    prompt: Token[],
    output: readonly Token[],
  ): Promise<void> {
    const isAborted = (): boolean => !this.#running.has(run)
    const step = async (before: readonly Token[], tokens: readonly Token[]): Promise<void> => {
      if (isAborted()) return
      const positions = await scoreStep(sequence, before, tokens)
      if (!isAborted()) this.#post({ type: 'scores', run, positions: positions.map(packPosition) })
    }
    const known = await keepPrefix(sequence, prompt)
    const goesOn = (): void => this.#post({ type: 'reading' })
    // In the same pieces as for a generation, the last with it.
    const last = await this.#pool.read(sequence, prompt.slice(known), isAborted, goesOn)
    await step(last, output.slice(0, 1))
    this.#pool.hasRead(sequence)
    for (let at = 1; at < output.length && !isAborted(); at += TOKENS_PER_STEP) {
      const tokens = output.slice(at, at + TOKENS_PER_STEP)
      await step(output.slice(at - 1, at - 1 + tokens.length), tokens)
    }
  }
}

/** The library brands its numbers. */
const toToken = (id: number): Token => id as Token

/** Reads `before` and scores `tokens`, each of which follows one of its last. */
async function scoreStep(
  sequence: LlamaContextSequence,
  before: readonly Token[],
  tokens: readonly Token[],
): Promise<Position[]> {
  const unasked = before.length - tokens.length
  const input = before.map((token, i) =>
    i < unasked ? token : ([token, askFor(tokens[i - unasked] as Token)] as const),
  )
  const told = await sequence.controlledEvaluate(
    input as Parameters<typeof sequence.controlledEvaluate>[0],
  )
  return tokens.map((token, i) => positionOf(token, told[unasked + i]))
}

/** Without temperature nothing is cut: these are logits of the whole vocabulary. */
const askFor = (token: Token) => ({
  generateNext: {
    logits: { filter: { tokens: [token], includeTop: MAX_SCORED_CANDIDATES } },
    totalLogitWeight: true,
    options: { temperature: 0 },
  },
})

/** `weight` is the sum of all probabilities as multiples of the likeliest one's. */
function positionOf(token: Token, told: ControlledEvaluateIndexOutput | undefined): Position {
  const { logits, totalLogitWeight: weight } = told?.next ?? {}
  const [likeliest] = logits?.values() ?? []
  const own = logits?.get(token)
  if (logits === undefined || likeliest === undefined || own === undefined || !weight) {
    throw new Error('llama.cpp has no logits for a token')
  }
  const logprobOf = (logit: number): number => logit - likeliest - Math.log(weight)
  const listed = [...logits].map(([id, logit]) => ({ id, logprob: logprobOf(logit) }))
  // The token itself comes last, unless it is one of the likeliest.
  const top = listed.slice(0, MAX_SCORED_CANDIDATES)
  return scoredPosition({ id: token, logprob: logprobOf(own), top })
}
