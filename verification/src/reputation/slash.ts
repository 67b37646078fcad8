import { SAFETY_FACTOR } from '../audit/audit-rate.ts'

/** A job, or any earning of one client, within the window that a slash is about. */
export interface AffectedJob {
  readonly job: string
  readonly client: string
  /** What its provider earned, and the operator's fee, msat: the client paid both. */
  readonly netMsat: bigint
  readonly feeMsat: bigint
}

/** What a provider has that can be taken, msat. */
export interface Takeable {
  /** Earnings of the affected jobs that have not been released. */
  readonly affectedHeldMsat: bigint
  readonly otherHeldMsat: bigint
  readonly bondMsat: bigint
}

export interface Refund {
  readonly job: string
  readonly client: string
  readonly fromProviderMsat: bigint
  /** The operator earns nothing by a job that is undone. */
  readonly fromFeeMsat: bigint
}

/** Who gives and who gets, msat: what is taken is what providers refund and the operator keeps. */
export interface Slash {
  readonly taken: Takeable
  readonly refunds: readonly Refund[]
  /** Towards audits and to nobody's profit: it is what makes cheating a loss. */
  readonly operatorKeepsMsat: bigint
}

/**
 * κ times what the affected jobs earned, and never more than there is: from their own holdback first, then
 * from the rest of it, then from the bond. Clients come first; where it does not suffice all lose alike.
 */
export function slash(
  affected: readonly AffectedJob[],
  has: Takeable,
  factor = BigInt(SAFETY_FACTOR),
): Slash {
  const earned = affected.reduce((sum, { netMsat }) => sum + netMsat, 0n)
  const taken = take(has, earned * factor)
  const takenMsat = taken.affectedHeldMsat + taken.otherHeldMsat + taken.bondMsat
  const refundMsat = least(takenMsat, earned)
  const shares = shareOut(
    refundMsat,
    affected.map(({ netMsat }) => netMsat),
  )
  return {
    taken,
    refunds: affected.map(({ job, client, feeMsat }, i) => ({
      job,
      client,
      fromProviderMsat: shares[i]!,
      fromFeeMsat: feeMsat,
    })),
    operatorKeepsMsat: takenMsat - refundMsat,
  }
}

/**
 * What a provider loses by not answering in time or failing, msat: a tenth of the job's price at most, from
 * earnings only. It is no fraud; the score is its penalty, and bonds are never touched.
 */
export const availabilityPenaltyMsat = (priceMsat: bigint, heldMsat: bigint): bigint =>
  least(priceMsat / 10n, heldMsat)

function take(has: Takeable, mostMsat: bigint): Takeable {
  const affectedHeldMsat = least(has.affectedHeldMsat, mostMsat)
  const otherHeldMsat = least(has.otherHeldMsat, mostMsat - affectedHeldMsat)
  const bondMsat = least(has.bondMsat, mostMsat - affectedHeldMsat - otherHeldMsat)
  return { affectedHeldMsat, otherHeldMsat, bondMsat }
}

/** `totalMsat` in proportion to `parts`, whose sum it does not exceed. Rounded so that the sum is exact. */
function shareOut(totalMsat: bigint, parts: readonly bigint[]): bigint[] {
  const whole = parts.reduce((sum, part) => sum + part, 0n)
  let before = 0n
  return parts.map((part) => {
    const from = whole === 0n ? 0n : (totalMsat * before) / whole
    before += part
    return (whole === 0n ? 0n : (totalMsat * before) / whole) - from
  })
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
