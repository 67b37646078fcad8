import { reporter, type Check } from './finding.ts'

const found = reporter('prompt_ids')

/**
 * The engine read the prompt that the gateway renders: a dropped system prompt, an injected line or another
 * template shows here. Says nothing where the gateway has no tokenizer for the model; one leading token
 * more or less is a note, since engines differ in who adds the BOS.
 */
export const promptIds: Check = ({ promptIds: claimed, renderedPromptIds: rendered }) => {
  if (rendered === undefined || sameIds(claimed, rendered)) return []
  if (sameIds(claimed.slice(1), rendered) || sameIds(claimed, rendered.slice(1)))
    return [found.note('differs from the rendering by its first token')]
  const at = rendered.findIndex((id, i) => id !== claimed[i])
  const where = at < 0 ? rendered.length : at
  return [
    found.fail(
      `${claimed.length} ids differ from the ${rendered.length} of the rendering, first at ${where}`,
    ),
  ]
}

const sameIds = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((id, i) => id === other[i])
