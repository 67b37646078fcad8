import { MAX_CANDIDATES } from '@infernet/schemas/limits'
import type { Candidate, Position } from '@infernet/schemas/transcript'
import { z } from 'zod'
import { scoredPosition } from '../../score-order.ts'

/** Above 0 by more than rounding is no logarithm of a probability. */
const ROUNDING_NATS = 1e-3
const logprob = z.number().max(ROUNDING_NATS)
const id = z.int().nonnegative().max(0xffff_ffff)
const ids = z.array(id)

/** What llama-server tells of a token, in streams and whole answers of both endpoints. */
const llamaSchema = z.object({
  content: z.array(z.object({ id, logprob, top_logprobs: z.array(z.object({ id, logprob })) })),
})

/** vLLM's word for a token where it was asked for ids. */
const TOKEN_ID = 'token_id:'
const idOf = (word: string): number => Number(word.slice(TOKEN_ID.length))
const tokenId = z.string().startsWith(TOKEN_ID).transform(idOf).pipe(id)
const vllmChatSchema = z.object({
  content: z.array(
    z.object({
      token: tokenId,
      logprob,
      top_logprobs: z.array(z.object({ token: tokenId, logprob })),
    }),
  ),
})
const vllmCompletionSchema = z.object({
  tokens: z.array(tokenId),
  token_logprobs: z.array(logprob),
  top_logprobs: z.array(z.record(z.string().regex(/^token_id:\d{1,10}$/), logprob)),
})

/** Reads the tokens that a choice tells of; undefined where it does not tell what it was asked for. */
export type PositionReader = (choice: object) => readonly Position[] | undefined

const fieldOf = (choice: object, name: string): unknown =>
  (choice as Readonly<Record<string, unknown>>)[name] ?? undefined

/** As a claim has it: likeliest first, and no more than it may list. */
const positionOf = (token: Candidate, top: readonly Candidate[]): Position => ({
  ...scoredPosition({
    ...token,
    top: top.toSorted((a, b) => b.logprob - a.logprob).slice(0, MAX_CANDIDATES),
  }),
})

export const llamaPositions: PositionReader = (choice) => {
  const logprobs = fieldOf(choice, 'logprobs')
  if (logprobs === undefined) return []
  const { data } = llamaSchema.safeParse(logprobs)
  return data?.content.map((token) => positionOf(token, token.top_logprobs))
}

export const vllmChatPositions: PositionReader = (choice) => {
  const logprobs = fieldOf(choice, 'logprobs')
  if (logprobs === undefined) return silent(choice)
  const { data } = vllmChatSchema.safeParse(logprobs)
  const positions = data?.content.map((token) =>
    positionOf(
      { id: token.token, logprob: token.logprob },
      token.top_logprobs.map((one) => ({ id: one.token, logprob: one.logprob })),
    ),
  )
  return agreeing(choice, positions)
}

export const vllmCompletionPositions: PositionReader = (choice) => {
  const logprobs = fieldOf(choice, 'logprobs')
  if (logprobs === undefined) return silent(choice)
  const { data } = vllmCompletionSchema.safeParse(logprobs)
  const positions = data?.tokens.flatMap((token, i): Position[] => {
    const [own, top] = [data.token_logprobs[i], data.top_logprobs[i]]
    if (own === undefined || top === undefined) return []
    const listed = Object.entries(top).map(([word, value]) => ({ id: idOf(word), logprob: value }))
    return [positionOf({ id: token, logprob: own }, listed)]
  })
  return agreeing(choice, positions)
}

/** A choice without logprobs has no tokens either. */
const silent = (choice: object): readonly Position[] | undefined =>
  ids.max(0).nullish().safeParse(fieldOf(choice, 'token_ids')).success ? [] : undefined

/** vLLM says the ids twice; an answer is one where both are the same. */
function agreeing(choice: object, positions: readonly Position[] | undefined) {
  const { data: listed } = ids.safeParse(fieldOf(choice, 'token_ids'))
  if (positions === undefined || listed?.length !== positions.length) return undefined
  return positions.every((position, i) => position.id === listed[i]) ? positions : undefined
}
