import type { CarriedOut } from './carry-out-slash.ts'
import { ROUND_MS, type WorkLoop } from './work-loop.ts'

/** Carries out slashes once they are final; the release loop then moves the money. */
export const slashLoop = (parts: {
  readonly carryOutSlash: () => Promise<CarriedOut | undefined>
  readonly onCarriedOut: (slash: CarriedOut) => void
}): WorkLoop => ({
  name: 'slashes',
  pauseMs: ROUND_MS,
  async page() {
    const slash = await parts.carryOutSlash()
    if (slash === undefined) return false
    parts.onCarriedOut(slash)
    return true
  },
})
