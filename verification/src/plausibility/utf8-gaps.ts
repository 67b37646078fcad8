import type { AnswerUnderCheck } from './answer-under-check.ts'

/**
 * Engines list no id for a token that ends inside a UTF-8 character: llama-server drops it from the stream's
 * ids and logprobs, while its bytes come with the next token's text. What is left of the character in the ids
 * decodes to U+FFFD.
 */

/** A character has at most four bytes, so three tokens can end inside it. */
const TOKENS_PER_CHARACTER = 3

/** Characters a dropped token may carry besides the one that it splits. Byte-level merges that do are short. */
const MAX_GAP_CHARACTERS = 16

/** How far a match may lag behind; keeps the search linear whatever the text. */
const MAX_LAG_CHARACTERS = 256

/**
 * The most ids that may be missing from the list of an honest answer, a character cut at its end included. Each
 * that is missing elsewhere leaves a gap, where the ids' own text is known to look at.
 */
export function possiblyMissingIds({
  text,
  detokenised,
}: Pick<AnswerUnderCheck, 'text' | 'detokenised'>): number {
  const places =
    detokenised === undefined ? text.match(/\P{ASCII}/gu) : detokenised.match(/\uFFFD/g)
  const split = places?.length ?? 0
  return TOKENS_PER_CHARACTER * (split + 1)
}

/** The same, of any text of so many bytes: all of it may be characters of two. */
export const mostMissingIds = (bytes: number): number =>
  TOKENS_PER_CHARACTER * (Math.floor(bytes / 2) + 1)

/** U+FFFD where the ids do not make whole characters. */
export const hasGaps = (detokenised: string): boolean => detokenised.includes('\uFFFD')

/** Whether `text` is `detokenised` with a few characters in place of each run of U+FFFD. */
export function fitsAroundGaps(detokenised: string, text: string): boolean {
  const [first = '', ...rest] = detokenised.split(/\uFFFD+/)
  const last = rest.pop()
  if (last === undefined) return detokenised === text
  if (!text.startsWith(first)) return false
  let at = first.length
  let allowance = MAX_GAP_CHARACTERS
  for (const piece of rest) {
    const lag = text.slice(at, at + allowance + piece.length).indexOf(piece)
    if (lag < 0) return false
    at += lag + piece.length
    allowance = Math.min(allowance - lag + MAX_GAP_CHARACTERS, MAX_LAG_CHARACTERS)
  }
  const gap = text.length - last.length - at
  return gap >= 0 && gap <= allowance && text.endsWith(last)
}
