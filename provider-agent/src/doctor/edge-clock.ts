import { MAX_CLOCK_SKEW_MS } from '@infernet/schemas/limits'
import { failed, ok, warning, type Finding } from './check.ts'

const SET_CLOCK = 'timedatectl set-ntp true'
/** A Date header is cut to whole seconds. */
const HEADER_STEP_MS = 1_000

/** When the edge's Date header was read, all in ms since the epoch by this machine's clock, except `edge`. */
export interface ClockReading {
  readonly sentAt: number
  readonly receivedAt: number
  /** By the edge's clock. */
  readonly edge: number
}

/** How far this machine's clock is from the edge's. Only what is sure counts: the way takes time, too. */
export function clockFinding({ sentAt, receivedAt, edge }: ClockReading): Finding {
  const ahead = Math.max(0, sentAt - (edge + HEADER_STEP_MS))
  const behind = Math.max(0, edge - receivedAt)
  const off = Math.max(ahead, behind)
  if (off === 0) return ok('agrees with the edge’s to a second or two')
  const seconds = Math.ceil(off / 1000)
  const said = `${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} the edge’s`
  if (off > MAX_CLOCK_SKEW_MS) return failed(said, SET_CLOCK)
  return off > MAX_CLOCK_SKEW_MS / 6 ? warning(said, SET_CLOCK) : ok(said)
}
