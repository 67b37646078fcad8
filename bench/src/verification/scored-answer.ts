import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import type { ControlledEvaluateIndexOutput, LlamaContextSequence, Token } from 'node-llama-cpp'
import type { Manner, Reading } from './engine-messages.ts'

/** An answer's tokens as a verifier sees them: raw logprobs, with the likeliest candidates. */
export async function scoredAnswer(
  sequence: LlamaContextSequence,
  { prompt, tokens }: Reading,
  manner: Manner,
): Promise<readonly Position[]> {
  if (manner === 'at once') return scoreAtOnce(sequence, prompt, tokens)
  if (manner === 'unasked') {
    await sequence.evaluateWithoutGeneratingNewTokens([...prompt, ...tokens] as Token[])
    return []
  }
  const positions: Position[] = []
  let unread = prompt
  for (const token of tokens) {
    positions.push(...(await scoreAtOnce(sequence, unread, [token])))
    unread = [token]
  }
  return positions
}

async function scoreAtOnce(
  sequence: LlamaContextSequence,
  before: readonly number[],
  tokens: readonly number[],
): Promise<readonly Position[]> {
  const first = before.length - 1
  const output = await sequence.controlledEvaluate(
    [...before, ...tokens.slice(0, -1)].map((token, i) => {
      const wanted = tokens[i - first]
      return wanted === undefined ? (token as Token) : [token as Token, ask([wanted as Token])]
    }),
  )
  return tokens.map((token, i) => positionOf(token, output[first + i]))
}

/** Asks for the raw logits of the likeliest tokens, and of `tokens`. */
export const ask = (tokens: Token[]) => ({
  generateNext: {
    totalLogitWeight: true,
    logits: { filter: { tokens, includeTop: MAX_SCORED_CANDIDATES } },
    options: { temperature: 0 },
  },
})

/** What llama.cpp says of the place after a token. */
export function positionOf(
  id: number,
  output: ControlledEvaluateIndexOutput | undefined,
): Position {
  const { logits = new Map<Token, number>(), totalLogitWeight = 1 } = output?.next ?? {}
  const listed = [...logits].sort((a, b) => b[1] - a[1])
  const logSum = (listed[0]?.[1] ?? 0) + Math.log(totalLogitWeight)
  const logprobOf = (logit: number): number => Math.min(0, logit - logSum)
  return {
    id,
    logprob: logprobOf(logits.get(id as Token) ?? -Infinity),
    top: listed
      .slice(0, MAX_SCORED_CANDIDATES)
      .map(([candidate, logit]) => ({ id: candidate, logprob: logprobOf(logit) })),
  }
}
