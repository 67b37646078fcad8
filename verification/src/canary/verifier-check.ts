import { MAX_CANDIDATES } from '@infernet/schemas/limits'
import type { Candidate, Position } from '@infernet/schemas/transcript'
import type { Calibration } from '../evidence/calibration.ts'
import { lpDifferences } from '../evidence/lp-difference.ts'
import { requestEvidence } from '../evidence/request-evidence.ts'
import type { Tail } from '../evidence/tail.ts'
import { verdictOf } from '../evidence/verdict.ts'

/** An answer whose scores are known: what a verifier that computes them must say again. */
export interface KnownAnswer {
  readonly prompt: readonly number[]
  readonly positions: readonly Position[]
}

/** A question to a verifier whose right answer is known. */
export interface VerifierCheck {
  readonly known: KnownAnswer
  /** The known answer's, or those with one replaced. */
  readonly output: readonly number[]
  /** The token that was put in another's place, by what is known of it there; undefined for a repeat. */
  readonly replaced: (Candidate & { readonly place: number }) | undefined
}

/** A replaced token is less likely than the likeliest by this at least, in nats. */
const FAR_NATS = 3
/** As unlikely as it was: what is listed last has most of the noise. Nats, over the widest noise that was measured. */
const REPLACED_TOLERANCE_NATS = 1
/** So few places behind a replaced token can be alike by chance. */
const LEAST_BEHIND = 8

/** For a spec that nobody has measured: what machines of one engine and one file never come near. */
const UNMEASURED_NOISE: readonly Tail[] = [
  { above: 0.3, rate: 0.1 },
  { above: 1, rate: 0.01 },
]

/** The same again. */
export const repeatOf = (known: KnownAnswer): VerifierCheck => ({
  known,
  output: known.positions.map(({ id }) => id),
  replaced: undefined,
})

/**
 * The same answer with one token replaced, in its middle, by one that was far from likely there. Undefined where
 * too little is known of its places.
 */
export function badTwinOf(known: KnownAnswer, random: () => number): VerifierCheck | undefined {
  const { positions } = known
  const quarter = Math.ceil(positions.length / 4)
  const places = Array.from({ length: positions.length - 2 * quarter }, (_, i) => quarter + i)
  const choices = places.flatMap((place) => unlikelyAt(positions, place))
  const replaced = choices[Math.floor(random() * choices.length)]
  if (replaced === undefined) return undefined
  const output = positions.map(({ id }) => id).with(replaced.place, replaced.id)
  return { known, output, replaced }
}

function unlikelyAt(positions: readonly Position[], place: number) {
  const { id, top } = positions[place] ?? { id: 0, top: [] }
  const most = (top[0]?.logprob ?? 0) - FAR_NATS
  const others = top.filter((candidate) => candidate.id !== id && candidate.logprob <= most)
  return others.map((candidate) => ({ ...candidate, place }))
}

/**
 * Why these scores cannot come from the model; undefined when they can. Up to the replaced token they must be the
 * known ones within the noise of the spec, the token must be as unlikely as it was, and what comes behind it must
 * have changed: whoever gives back what it has heard elsewhere does not know that.
 */
export function verifierFault(
  { known, output, replaced }: VerifierCheck,
  scored: readonly Position[],
  calibration: Calibration,
): string | undefined {
  const isSame = scored.length === output.length && scored.every(({ id }, i) => id === output[i])
  if (!isSame) return 'it scored other tokens'
  const noise = calibration.lpDifference.length > 0 ? calibration.lpDifference : UNMEASURED_NOISE
  const differences = [...lpDifferences(known.positions.map(fewer), scored)]
  const sameContext = replaced === undefined ? output.length : replaced.place + 1
  const lpDifference = differences.slice(0, sameContext)
  const evidence = requestEvidence({ lpDifference }, { ...calibration, lpDifference: noise })
  if (verdictOf(evidence) === 'fail') return 'its scores are not those that are known'
  if (replaced === undefined) return undefined
  return replacedFault(replaced, scored, noise) ?? echoFault(differences.slice(sameContext), noise)
}

function replacedFault(
  { place, logprob }: Candidate & { readonly place: number },
  scored: readonly Position[],
  noise: readonly Tail[],
): string | undefined {
  const tolerance = REPLACED_TOLERANCE_NATS + (noise.at(-1)?.above ?? 0)
  const apart = Math.abs((scored[place]?.logprob ?? 0) - logprob)
  return apart > tolerance ? 'a replaced token is not as unlikely as it was' : undefined
}

function echoFault(behind: readonly number[], noise: readonly Tail[]): string | undefined {
  const least = noise[0]?.above ?? 0
  const isEcho = behind.length >= LEAST_BEHIND && behind.every((value) => value <= least)
  return isEcho ? 'a replaced token changed nothing behind it' : undefined
}

/** As many candidates as claims have, on which the noise was measured. */
const fewer = (position: Position): Position => ({
  ...position,
  top: position.top.slice(0, MAX_CANDIDATES),
})
