import { FRAME, type FrameType } from '@infernet/schemas/frame'

/**
 * A connection's life: `dialling` until the challenge comes, `greeting` from our hello to the
 * welcome, `ready` for jobs, `closed`.
 */
export type LinkState = 'dialling' | 'greeting' | 'ready' | 'closed'

/** Where each frame of the edge leads from each state; a frame without an entry is illegal there. */
const LINK_TRANSITIONS: Record<LinkState, Partial<Record<FrameType, LinkState>>> = {
  dialling: { [FRAME.challenge]: 'greeting' },
  greeting: { [FRAME.welcome]: 'ready' },
  ready: {
    [FRAME.job]: 'ready',
    [FRAME.cancel]: 'ready',
    [FRAME.credit]: 'ready',
    [FRAME.drain]: 'ready',
    [FRAME.receiptAck]: 'ready',
    [FRAME.invoiceRequest]: 'ready',
    [FRAME.openRequest]: 'ready',
    [FRAME.score]: 'ready',
    [FRAME.render]: 'ready',
  },
  closed: {},
}

/** Frames about the connection travel on channel 0, frames about a job never do. */
const ON_A_JOB_CHANNEL: ReadonlySet<FrameType> = new Set([FRAME.job, FRAME.cancel, FRAME.credit])

/** The state after a frame, or undefined when it is illegal: wrong moment or wrong channel. */
export function moveLink(
  state: LinkState,
  frame: { readonly type: FrameType; readonly channel: number },
): LinkState | undefined {
  const next = LINK_TRANSITIONS[state][frame.type]
  return ON_A_JOB_CHANNEL.has(frame.type) === frame.channel > 0 ? next : undefined
}
