import type { Comparator } from './comparator.ts'

/** What a deterministic job leaves, such as a WASM module run without clock and chance. */
export interface ExactResult {
  /** SHA-256 of the output, hex. */
  readonly outputSha256: string
  /** Instructions that were metered: what is billed, and as determined as the output. */
  readonly fuel: number
}

/** Byte for byte, and unit for unit. Its caller comes with WASM jobs: nothing else answers so that bytes can be compared. */
export const exactComparator: Comparator<ExactResult> = {
  fault: ({ outputSha256, fuel }) => {
    if (!/^[0-9a-f]{64}$/.test(outputSha256)) return 'no SHA-256'
    return Number.isSafeInteger(fuel) && fuel >= 0 ? undefined : 'no fuel count'
  },
  compare: (one, other) =>
    one.outputSha256 === other.outputSha256 && one.fuel === other.fuel ? 'agree' : 'disagree',
}
