/** BOINC's rules of trust, per provider and spec class. */

/** Valid results in a row before a provider's word is taken without a second copy. */
const FIRST_TRUSTED_RUN = 10

/**
 * Whether one copy is enough this time: never below ten valid results in a row, then with probability 1 - 1/run,
 * so that a copy stays possible however long the run. `random` in [0, 1), not to be foreseen by the provider.
 */
export function isTrustedAlone(validRun: number, random: () => number): boolean {
  if (validRun < FIRST_TRUSTED_RUN) return false
  return random() < 1 - 1 / validRun
}

/** The run after a result. Only one that was compared lengthens it; trust does not feed on itself. */
export function nextValidRun(
  validRun: number,
  outcome: 'matched' | 'lost' | 'not_compared',
): number {
  if (outcome === 'lost') return 0
  return outcome === 'matched' ? validRun + 1 : validRun
}
