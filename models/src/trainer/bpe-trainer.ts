import { BYTE_TO_CHAR, spell } from '../byte-alphabet.ts'
import { mergePair, WORD_PATTERN, type Vocabulary } from '../byte-level-bpe.ts'

/**
 * Learns a byte-level BPE vocabulary of `size` tokens: 256 bytes, the most useful merges, then the
 * control tokens. Digits are never merged, so that every number is spelled digit by digit.
 * The result depends on the texts only: ties go to the alphabetically first pair.
 * @throws RangeError when the texts do not contain enough pairs.
 */
export function trainBpe(
  texts: Iterable<string>,
  controlTokens: readonly string[],
  size: number,
): Vocabulary {
  const words = countWords(texts, controlTokens)
  const merges: string[] = []
  while (256 + merges.length + controlTokens.length < size) {
    const best = mostFrequentPair(words)
    if (best === undefined) throw new RangeError(`only ${merges.length} merges can be learned`)
    merges.push(best)
    for (const word of words) word.symbols = mergePair(word.symbols, best)
  }
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

function mostFrequentPair(words: readonly Word[]): string | undefined {
  const counts = new Map<string, number>()
  for (const { symbols, count } of words) {
    for (let i = 0; i + 1 < symbols.length; i++) {
      const pair = `${symbols[i]} ${symbols[i + 1]}`
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
