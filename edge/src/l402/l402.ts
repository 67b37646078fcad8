import type { MasterKeys } from '@infernet/settlement/l402/root-key'
import type { SettlerPort } from '../billing/billing-port.ts'
import { BundleRing } from '../auth/bundle-ring.ts'
import { BundleFunds, type FundsRim } from './bundle-funds.ts'
import { ChallengeDesk, type ChallengeRim } from './challenge-desk.ts'

/** Bundles at this edge: who has one, whether it is credited, and how to get one. */
export interface L402 {
  readonly bundles: BundleRing
  readonly funds: BundleFunds
  readonly desk: ChallengeDesk
}

/** Undefined without master keys. */
export function l402Of(
  keys: MasterKeys | undefined,
  rim: Omit<FundsRim, 'onPaid'> & Omit<ChallengeRim, 'keys'>,
): L402 | undefined {
  if (keys === undefined) return undefined
  const settler = patient(rim.settler)
  const desk = new ChallengeDesk({ ...rim, keys, settler })
  const onPaid = (paymentHash: string): void => desk.paid(paymentHash)
  return {
    bundles: new BundleRing(keys),
    funds: new BundleFunds({ ...rim, settler, onPaid }),
    desk,
  }
}

/** A settler that could not be woken looks for its orders by itself, a little later. */
const patient = (settler: SettlerPort): SettlerPort => ({
  wake: async () => {
    try {
      await settler.wake()
    } catch {
      // Whoever waits for what was ordered hears when it does not come.
    }
  },
})
