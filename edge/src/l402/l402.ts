import type { MasterKeys } from '@infernet/settlement/l402/root-key'
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
export const l402Of = (
  keys: MasterKeys | undefined,
  rim: FundsRim & Omit<ChallengeRim, 'keys'>,
): L402 | undefined =>
  keys && {
    bundles: new BundleRing(keys),
    funds: new BundleFunds(rim),
    desk: new ChallengeDesk({ ...rim, keys }),
  }
