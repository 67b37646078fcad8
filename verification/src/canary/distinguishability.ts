import { auc } from './auc.ts'
import { shuffled, trainLogistic, type LabelledFeatures } from './logistic-regression.ts'
import { requestFeatures, type SeenRequest } from './request-features.ts'

/** A provider that tells canaries from traffic no better than this gains nothing from trying. */
export const MAX_CANARY_AUC = 0.55

/**
 * How well a provider that knows half of both could tell the other half apart: the AUC of a logistic regression
 * over shapes, and over texts where given. Some thousand of each make its error about 0.015. An estimate from
 * below: a better classifier may see more. Throws RangeError for fewer than two of a kind.
 */
export function distinguishability(
  canaries: readonly SeenRequest[],
  traffic: readonly SeenRequest[],
  random: () => number,
): number {
  const [known, unknown] = halves(
    [labelled(canaries, true), labelled(traffic, false)].map((kind) => shuffled(kind, random)),
  )
  const score = trainLogistic(known, random)
  return auc(
    unknown.map(({ features }) => score(features)),
    unknown.map(({ positive }) => positive),
  )
}

const labelled = (requests: readonly SeenRequest[], positive: boolean): LabelledFeatures[] =>
  requests.map((request) => ({ features: requestFeatures(request), positive }))

function halves<T>(kinds: readonly (readonly T[])[]): [T[], T[]] {
  const middle = (kind: readonly T[]) => Math.floor(kind.length / 2)
  return [
    kinds.flatMap((kind) => kind.slice(0, middle(kind))),
    kinds.flatMap((kind) => kind.slice(middle(kind))),
  ]
}
