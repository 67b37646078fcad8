/**
 * The most tokens per second that one sequence can reach: each pass reads the active weights once. `bytesPerSecond`
 * is the memory's bandwidth over all devices, `activeBytes` what one token touches of the weights, which for a
 * mixture of experts is a part, and `tokensPerPass` more than 1 where drafts are accepted. Throws RangeError.
 */
export function throughputBound(
  bytesPerSecond: number,
  activeBytes: number,
  tokensPerPass = 1,
): number {
  const bound = (bytesPerSecond / activeBytes) * tokensPerPass
  if (!(activeBytes > 0) || !(bound > 0)) throw new RangeError('a bound needs positive quantities')
  return bound
}
