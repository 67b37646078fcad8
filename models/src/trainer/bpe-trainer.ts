import { BYTE_TO_CHAR, spell } from '../byte-alphabet.ts'
import { mergePair, WORD_PATTERN, type Vocabulary } from '../byte-level-bpe.ts'

/** A space in the byte alphabet. */
const SPACE = BYTE_TO_CHAR[32] ?? ''

/** The part of the merges that join a space with the piece after it. */
const SPACED_SHARE = 1 / 3

/**
 * Learns a byte-level BPE vocabulary of `size` tokens: 256 bytes, merges, then the control tokens.
 *
 * Two rules serve a model that must copy words it has never seen. Digits are never merged, so every
 * number is spelled digit by digit. And a space is joined to a word only after the word itself has
 * been pieced together, so a word has the same pieces wherever it stands.
 *
 * The result depends on the texts only: ties go to the alphabetically first pair.
 * @throws RangeError when the texts do not contain enough pairs.
 */
export function trainBpe(
  texts: Iterable<string>,
  controlTokens: readonly string[],
  size: number,
): Vocabulary {
  const words = countWords(texts, controlTokens)
  const count = size - BYTE_TO_CHAR.length - controlTokens.length
  const spaced = Math.floor(count * SPACED_SHARE)
  const merges = [
    ...learnMerges(words, count - spaced, (left) => left !== SPACE),
    ...learnMerges(words, spaced, (left) => left === SPACE),
  ]
  const tokens = [
    ...BYTE_TO_CHAR,
    ...merges.map((merge) => merge.replace(' ', '')),
    ...controlTokens,
  ]
  return {
    tokens,
    merges,
    controlTokens: new Set(controlTokens.map((_, i) => size - controlTokens.length + i)),
  }
}

/** The `count` best merges whose left side is allowed, applied to `words` as they are found. */
function learnMerges(
  words: readonly Word[],
  count: number,
  allowed: (left: string) => boolean,
): string[] {
  const merges: string[] = []
  while (merges.length < count) {
    const best = mostFrequentPair(words, allowed)
    if (best === undefined) throw new RangeError(`only ${merges.length} merges can be learned`)
    merges.push(best)
    for (const word of words) word.symbols = mergePair(word.symbols, best)
  }
  return merges
}

type Word = { symbols: string[]; readonly count: number }

function countWords(texts: Iterable<string>, controlTokens: readonly string[]): Word[] {
  const counts = new Map<string, number>()
  for (const text of texts) {
    const plain = controlTokens.reduce((rest, token) => rest.replaceAll(token, '\n'), text)
    for (const [word] of plain.matchAll(WORD_PATTERN)) {
      if (!/\p{N}/u.test(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
    }
  }
  return [...counts].map(([word, count]) => ({ symbols: spell(word), count }))
}

function mostFrequentPair(
  words: readonly Word[],
  allowed: (left: string) => boolean,
): string | undefined {
  const counts = new Map<string, number>()
  for (const { symbols, count } of words) {
    for (let i = 0; i + 1 < symbols.length; i++) {
      const left = symbols[i] ?? ''
      if (!allowed(left)) continue
      const pair = `${left} ${symbols[i + 1]}`
      counts.set(pair, (counts.get(pair) ?? 0) + count)
    }
  }
  let best: string | undefined
  let bestCount = 1
  for (const [pair, count] of counts) {
    if (count > bestCount || (count === bestCount && best !== undefined && pair < best)) {
      best = pair
      bestCount = count
    }
  }
  return best
}
