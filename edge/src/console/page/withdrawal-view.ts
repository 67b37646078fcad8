import { formatSat } from './amounts.ts'
import type { Withdrawal } from './api-types.ts'

type Facts = Pick<Withdrawal, 'status' | 'amount_msat' | 'fee_msat' | 'failure'>

/** Where a withdrawal is, for the person who waits for it. */
export function withdrawalText({ status, amount_msat, fee_msat, failure }: Facts): string {
  const amount = `${formatSat(BigInt(amount_msat))} sat`
  switch (status) {
    case 'requested':
      return `${amount} are being taken from your balance.`
    case 'funded':
      return `${amount} are taken from your balance and will be paid next.`
    case 'paying':
      return `${amount} are being paid over Lightning.`
    case 'succeeded':
      return `${amount} were paid. Routing cost ${formatSat(BigInt(fee_msat ?? 0))} sat.`
    case 'failed':
      return `${amount} could not be paid${reason(failure)}. They are back in your balance.`
    case 'refused':
      return `${amount} were not taken: your balance was spent in between.`
  }
}

const reason = (failure: string | null): string =>
  failure === null ? '' : ` (${failure.replaceAll('_', ' ')})`

/** Nothing more will come of it. */
export const isEnded = ({ status }: Pick<Withdrawal, 'status'>): boolean =>
  ['succeeded', 'failed', 'refused'].includes(status)
