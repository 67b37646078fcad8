import type { PeerId } from '@infernet/schemas/peer-id'

/**
 * Of the answers that anybody may verify, so many go to an outside verifier first. The operator's own keep the rest:
 * a verifier that helps a cheat never has more than this share of its audits.
 */
export const OUTSIDE_SHARE = 0.5

/** A verifier that runs the spec, as far as the choice goes. */
export interface AbleVerifier {
  readonly peer: PeerId
  /** The operator's: it may see every answer, and has the last word. */
  readonly isOwn: boolean
  /** Asks that it has not answered yet. */
  readonly scoring: number
}

export interface VerifierWish {
  /** The answer's client lets anybody verify it. */
  readonly isOpen: boolean
  /** A number in [0, 1) that nobody can foresee, always the same one for an answer. */
  readonly drawn: number
  /** Who has failed the answer, where that is to be confirmed. */
  readonly before?: PeerId | undefined
}

/**
 * Who is asked about an answer; undefined where nobody may be. Outside verifiers are asked about open answers alone,
 * never without an own one that could confirm what they say, and never to confirm anything. Of those that may be
 * asked it is who has least to do, and by `before` again only where there is no other.
 */
export function verifierFor<V extends AbleVerifier>(
  able: readonly V[],
  { isOpen, drawn, before }: VerifierWish,
): V | undefined {
  const own = able.filter(({ isOwn }) => isOwn)
  const outside = able.filter(({ isOwn }) => !isOwn)
  const isFirstLook = before === undefined
  const isLent = isOpen && isFirstLook && drawn < OUTSIDE_SHARE
  if (isLent && own.length > 0 && outside.length > 0)
    return drawnIdle(outside, drawn / OUTSIDE_SHARE)
  return own.toSorted(
    (a, b) => Number(a.peer === before) - Number(b.peer === before) || a.scoring - b.scoring,
  )[0]
}

/** One of those with least to do, by a number in [0, 1): else who came first would get all. */
function drawnIdle<V extends AbleVerifier>(verifiers: readonly V[], random: number): V | undefined {
  const least = Math.min(...verifiers.map(({ scoring }) => scoring))
  const idle = verifiers.filter(({ scoring }) => scoring === least)
  return idle[Math.floor(random * idle.length)]
}
