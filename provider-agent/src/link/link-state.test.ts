import { FRAME } from '@infernet/schemas/frame'
import { describe, expect, it } from 'vitest'
import { moveLink, type LinkState } from './link-state.ts'

const STATES: LinkState[] = ['dialling', 'greeting', 'ready', 'closed']
type FrameName = keyof typeof FRAME
const NAMES = Object.keys(FRAME) as FrameName[]

/** What the edge may say when, and on which kind of channel. */
const LEGAL: readonly (readonly [LinkState, FrameName, 0 | 1, LinkState])[] = [
  ['dialling', 'challenge', 0, 'greeting'],
  ['greeting', 'welcome', 0, 'ready'],
  ['ready', 'job', 1, 'ready'],
  ['ready', 'cancel', 1, 'ready'],
  ['ready', 'credit', 1, 'ready'],
  ['ready', 'drain', 0, 'ready'],
  ['ready', 'receiptAck', 0, 'ready'],
  ['ready', 'invoiceRequest', 0, 'ready'],
  ['ready', 'openRequest', 0, 'ready'],
  ['ready', 'score', 0, 'ready'],
  ['ready', 'render', 0, 'ready'],
]

describe('link states', () => {
  it.each(
    STATES.flatMap((state) =>
      NAMES.flatMap((name) => ([0, 1] as const).map((channel) => [state, name, channel] as const)),
    ),
  )('%s × %s on channel %i', (state, name, channel) => {
    const legal = LEGAL.find(([s, n, c]) => s === state && n === name && c === channel)
    expect(moveLink(state, { type: FRAME[name], channel })).toBe(legal?.[3])
  })
})
