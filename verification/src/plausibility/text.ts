import { reporter, type Check } from './finding.ts'
import { fitsAroundGaps, hasGaps } from './utf8-gaps.ts'

const found = reporter('text')

/**
 * The client got the text of the ids, so that nobody shows honest ids and sells other text. It may be cut before
 * or after a stop sequence, and anywhere if the answer was cut. Characters whose bytes the engine did not list
 * leave gaps: a text that fits around them is a note, one that does not is suspicious only.
 */
export const text: Check = ({ text, detokenised, stopSequences, finishReason }) => {
  if (detokenised === undefined) return []
  const delivered = withoutLeadingSpace(text)
  const whole = withoutLeadingSpace(detokenised)
  const possible = [whole, ...cutAtStop(whole, stopSequences)]
  if (possible.includes(delivered)) return []
  if (finishReason === undefined && whole.startsWith(delivered)) return []
  if (!hasGaps(whole)) {
    const lengths = `${text.length} characters delivered, ${detokenised.length} in the ids`
    return [found.fail(`not the text of the ids: ${lengths}`)]
  }
  if (finishReason === undefined) return [found.note('cut, with gaps of UTF-8: not compared')]
  return possible.some((expected) => fitsAroundGaps(expected, delivered))
    ? [found.note('equals the text of the ids but for gaps of UTF-8')]
    : [found.suspicious('does not fit around the gaps of UTF-8 in the ids')]
}

/** Tokenizers of SentencePiece's kind add a space in front, and not every engine takes it off. */
const withoutLeadingSpace = (text: string): string => (text.startsWith(' ') ? text.slice(1) : text)

/** What engines deliver of a text in which one of `stops` came up: without it, or with it. */
function cutAtStop(text: string, stops: readonly string[]): string[] {
  return stops.flatMap((stop) => {
    const at = stop === '' ? -1 : text.indexOf(stop)
    return at < 0 ? [] : [text.slice(0, at), text.slice(0, at + stop.length)]
  })
}
