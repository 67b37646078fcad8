/** `tie`: the two alone do not tell; a third copy has to. */
export type Comparison = 'agree' | 'disagree' | 'tie'

/**
 * Whether two results of one task are the same, within what honest machines of one homogeneity class differ by.
 * Symmetric, and reflexive for valid results; not transitive where there is a tolerance.
 */
export interface Comparator<Result> {
  /** Why this cannot be a result of the task at all, whatever others say; undefined when it can. */
  fault(result: Result): string | undefined
  /** Of two results without fault. */
  compare(one: Result, other: Result): Comparison
}
