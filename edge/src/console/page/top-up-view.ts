import { formatSat } from './amounts.ts'
import type { TopUp } from './api-types.ts'

/** Where a top-up is, for the person who waits for it. */
export interface TopUpView {
  readonly phase: 'making' | 'payable' | 'crediting' | 'paid' | 'expired'
  readonly text: string
}

type Facts = Pick<TopUp, 'status' | 'credited' | 'paid_msat' | 'expires_at'>

/** `now` in Unix seconds: an invoice ends with its time, whatever was heard of it last. */
export function topUpView(topUp: Facts, now: number): TopUpView {
  switch (topUp.status) {
    case 'requested':
      return { phase: 'making', text: 'Your invoice is being made.' }
    case 'open':
      return secondsLeft(topUp, now) > 0
        ? { phase: 'payable', text: 'Waiting for your payment.' }
        : EXPIRED
    case 'settled':
      return topUp.credited
        ? {
            phase: 'paid',
            text: `Paid. ${formatSat(BigInt(topUp.paid_msat))} sat were added to your balance.`,
          }
        : {
            phase: 'crediting',
            text: 'Your payment has arrived and is being added to your balance.',
          }
    case 'expired':
      return EXPIRED
  }
}

const EXPIRED: TopUpView = {
  phase: 'expired',
  text: 'This invoice has expired and cannot be paid any more. Make a new one.',
}

/** Nothing more will come of it. */
export const isOver = (topUp: Pick<TopUp, 'status' | 'credited'>): boolean =>
  topUp.status === 'expired' || (topUp.status === 'settled' && topUp.credited)

/** Until the invoice ends; 0 where it has none or is over. `now` in Unix seconds. */
export const secondsLeft = ({ expires_at }: Pick<TopUp, 'expires_at'>, now: number): number =>
  Math.max(0, Math.ceil((expires_at ?? 0) - now))

/** `3599` as `59:59`. */
export const formatLeft = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
