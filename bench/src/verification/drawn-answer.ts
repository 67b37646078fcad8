import { MAX_CANDIDATES } from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import { drawToken, newDrawState } from '@infernet/verification/replay/draw'
import type { SeededVariant } from '@infernet/verification/replay/replay-variant'
import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import type { Order } from './engine-messages.ts'
import { ask, positionOf } from './scored-answer.ts'

/** Tokens that a draft model goes ahead, before the promised one makes one. */
const DRAFT_TOKENS = 4

interface Engines {
  readonly sequence: LlamaContextSequence
  /** Of a model whose drafts are all taken. */
  readonly draft: LlamaContextSequence | undefined
  readonly variant: SeededVariant
  /** The token that ends an answer. */
  readonly end: number
}

/**
 * An answer drawn by our own code from llama.cpp's logits, with the raw logprobs of the likeliest: how vLLM
 * reports them. top_k leaves fewer tokens than are looked at, so none is missing.
 */
export async function drawnAnswer(
  { sequence, draft, variant, end }: Engines,
  { prompt, settings, maxTokens, banned }: Order,
): Promise<readonly Position[]> {
  const state = newDrawState(settings.seed, prompt.length)
  const positions: Position[] = []
  let unread = prompt
  while (positions.length < maxTokens && positions.at(-1)?.id !== end) {
    const place = await next(sequence, unread)
    const drafted = draft && (await next(draft, unread))
    const isDrafted = positions.length % (DRAFT_TOKENS + 1) < DRAFT_TOKENS
    const { top } = (isDrafted && drafted) || place
    const drawable = banned === undefined ? top : top.filter((candidate) => candidate.id !== banned)
    const id = drawToken(drawable, settings, variant, state)
    const logprob = place.top.find((candidate) => candidate.id === id)?.logprob
    // A draft may be a token that the promised model does not even list.
    const least = place.top.at(-1)?.logprob ?? 0
    positions.push({ id, logprob: logprob ?? least, top: place.top.slice(0, MAX_CANDIDATES) })
    unread = [id]
  }
  return positions
}

async function next(sequence: LlamaContextSequence, unread: readonly number[]): Promise<Position> {
  const last = unread.length - 1
  const output = await sequence.controlledEvaluate(
    unread.map((token, i) => (i < last ? (token as Token) : [token as Token, ask([])])),
  )
  return positionOf(-1, output[last])
}
