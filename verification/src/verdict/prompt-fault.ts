import { hashOfIds, type Claim } from '@infernet/schemas/transcript'

/**
 * Why the prompt that a claim commits to is not the one that a verifier of the same spec has rendered; undefined when
 * it is, or may be but for its first token, since engines differ in who adds the BOS. Of one that the claim has more,
 * only the opening can tell.
 */
export function promptFault(
  { prompt_ids: count, prompt_sha256: claimed }: Pick<Claim, 'prompt_ids' | 'prompt_sha256'>,
  rendered: readonly number[],
): string | undefined {
  const same = count === rendered.length - 1 ? rendered.slice(1) : rendered
  if (count === same.length && claimed === hashOfIds(same)) return undefined
  return `the prompt of ${count} ids is not the one of ${rendered.length} that was rendered`
}
