import { reporter, type Check } from './finding.ts'

const found = reporter('ids_listed')

/**
 * An opened answer lists its tokens, and for each the candidates it was asked for. Without them nothing else
 * can be checked, so leaving them out must not pay.
 */
export const idsListed: Check = ({
  positions,
  text,
  usage,
  candidatesAsked,
  vocabularySize = Infinity,
}) => {
  if (positions.length === 0)
    return text === '' && usage.completion_tokens <= 1
      ? []
      : [found.suspicious(`no ids for ${usage.completion_tokens} tokens`)]
  const asked = Math.min(candidatesAsked, vocabularySize)
  const short = positions.filter(({ top }) => top.length < asked).length
  return short === 0
    ? []
    : [
        found.suspicious(
          `${short} of ${positions.length} positions list fewer than ${asked} candidates`,
        ),
      ]
}
