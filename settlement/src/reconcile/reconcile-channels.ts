import type { ChannelBalance } from '../lightning/lightning-backend.ts'
import { compareChannels } from './compare.ts'
import type { Finding } from './finding.ts'

/** Between two looks: the settler books within a second. */
const PAUSE_MS = 5_000
const LOOKS = 2

export interface ChannelOptions {
  /** What the channels had before the first posting, msat; undefined: nobody has said. */
  readonly openingMsat: bigint | undefined
  readonly toleranceMsat: bigint
  sleep(ms: number, signal: AbortSignal): Promise<void>
  readonly signal: AbortSignal
}

/**
 * What the channels are off by at two looks, each with the books just before and after it: what moves meanwhile
 * is no drift. `booked` is what `asset:ln` is owed to have now, msat.
 */
export async function reconcileChannels(
  booked: () => Promise<bigint>,
  node: { balance(): Promise<Pick<ChannelBalance, 'localMsat' | 'unsettledLocalMsat'>> },
  { openingMsat, toleranceMsat, sleep, signal }: ChannelOptions,
): Promise<Finding | undefined> {
  for (let look = 1; ; look++) {
    const before = await booked()
    const { localMsat, unsettledLocalMsat } = await node.balance()
    const channelsMsat = localMsat + unsettledLocalMsat
    const [first, last] = [before, await booked()].map((bookedMsat) =>
      compareChannels({ bookedMsat, channelsMsat, openingMsat, toleranceMsat }),
    )
    if (first === undefined || last === undefined) return undefined
    if (last.kind !== 'channel_balance' || look === LOOKS) return last
    await sleep(PAUSE_MS, signal)
  }
}
