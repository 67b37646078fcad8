/**
 * Area under the ROC curve: the chance that a positive's score exceeds a negative's, equal scores counting half.
 * 0.5 tells nothing apart, 1 everything. Throws RangeError unless both kinds are there, with a label for each score.
 */
export function auc(scores: readonly number[], labels: readonly boolean[]): number {
  const positives = labels.filter(Boolean).length
  const negatives = labels.length - positives
  if (positives === 0 || negatives === 0 || scores.length !== labels.length)
    throw new RangeError('needs scores of positives and of negatives')
  const order = scores
    .map((score, i) => ({ score, positive: labels[i] === true }))
    .sort((one, other) => one.score - other.score)
  let won = 0
  let below = 0
  for (let start = 0; start < order.length;) {
    const [end, equalPositives] = tieFrom(order, start)
    const equalNegatives = end - start - equalPositives
    won += equalPositives * (below + equalNegatives / 2)
    below += equalNegatives
    start = end
  }
  return won / (positives * negatives)
}

/** Where the scores equal to that at `start` end, and how many of them are positives'. */
function tieFrom(
  order: readonly { readonly score: number; readonly positive: boolean }[],
  start: number,
): [end: number, positives: number] {
  const score = order[start]?.score
  let end = start
  let positives = 0
  for (; end < order.length && order[end]?.score === score; end++)
    if (order[end]?.positive) positives++
  return [end, positives]
}
