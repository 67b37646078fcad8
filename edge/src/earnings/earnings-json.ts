import type { PeerId } from '@infernet/schemas/peer-id'
import type { ProviderEarningsJson } from '@infernet/schemas/provider-earnings'
import { unixSeconds } from '../unix-seconds.ts'
import { simulatedNotice } from '../billing/billing-json.ts'
import type { SettlerNode } from '../billing/billing-port.ts'
import type { ProviderEarnings } from './earnings-port.ts'

/** A provider's earnings as it is told them. `node` is undefined while no settler runs. */
export const earningsJson = (
  provider: PeerId,
  earnings: ProviderEarnings,
  node: SettlerNode | undefined,
): ProviderEarningsJson => ({
  object: 'provider_earnings',
  provider,
  standing: earnings.standing,
  notice: simulatedNotice(node),
  network: node?.network ?? null,
  pending_msat: String(earnings.pendingMsat),
  held_msat: String(earnings.heldMsat),
  payable_msat: String(earnings.payableMsat),
  in_flight_msat: String(earnings.inFlightMsat),
  paid_msat: String(earnings.paidMsat),
  earned_msat: String(earnings.earnedMsat),
  lost_msat: String(earnings.lostMsat),
  jobs: earnings.jobs,
  since: earnings.since === null ? null : unixSeconds(earnings.since),
  days: earnings.days.map(({ date, jobs, earnedMsat, lostMsat }) => ({
    date,
    jobs,
    earned_msat: String(earnedMsat),
    lost_msat: String(lostMsat),
  })),
  payouts: earnings.payouts.map(({ amountMsat, createdAt, finishedAt, failure, id, state }) => ({
    id,
    amount_msat: String(amountMsat),
    state,
    failure,
    created_at: unixSeconds(createdAt),
    finished_at: finishedAt === null ? null : unixSeconds(finishedAt),
  })),
})
