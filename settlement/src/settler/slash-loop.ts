import type { CarriedOut } from './carry-out-slash.ts'
import type { LiftedPaid } from './pay-lifted-slash.ts'
import { ROUND_MS, type WorkLoop } from './work-loop.ts'

/**
 * Carries out slashes once they are final; the release loop then moves the money. Where an appeal was upheld, pays what
 * the convicting answer had earned.
 */
export const slashLoop = (parts: {
  readonly carryOutSlash: () => Promise<CarriedOut | undefined>
  readonly payLiftedSlash: () => Promise<LiftedPaid | undefined>
  readonly onCarriedOut: (slash: CarriedOut) => void
  readonly onLiftedPaid: (paid: LiftedPaid) => void
}): WorkLoop => ({
  name: 'slashes',
  pauseMs: ROUND_MS,
  async page() {
    const slash = await parts.carryOutSlash()
    if (slash !== undefined) parts.onCarriedOut(slash)
    const paid = await parts.payLiftedSlash()
    if (paid !== undefined) parts.onLiftedPaid(paid)
    return slash !== undefined || paid !== undefined
  },
})
