import { formatSat, parseSat } from './amounts.ts'
import { explain, isFinal } from './api-problem.ts'
import type { Withdrawal } from './api-types.ts'
import { destinationOf } from './destination.ts'
import { button, element, form, input, make, moment, setText, show } from './dom.ts'
import { OrderKey } from './order-key.ts'
import { ORDER_ITEMS, sleepUntil, type Card, type Session } from './session.ts'
import { isEnded, withdrawalText } from './withdrawal-view.ts'

const LISTED = 5
/** A payment takes a second or two as a rule, and may take hours. */
const LOOK_MS = 1_500

/** Orders payments of credit to its owner, and says what became of them. */
export function withdrawCard({ api, moneyMoved }: Session): Card {
  const { signal } = api
  const keys = new OrderKey(ORDER_ITEMS.withdrawals, sessionStorage)
  const destination = input('destination')
  const amount = input('withdraw-amount')
  let followed = ''

  const isInvoice = (): boolean => destinationOf(destination.value)?.kind === 'invoice'
  /** An invoice has its own amount. */
  const fit = (): void => {
    show('withdraw-amount-field', !isInvoice())
    show('withdraw-hint', isInvoice())
    const sat = isInvoice() ? undefined : parseSat(amount.value)
    setText(
      'withdraw-button',
      sat === undefined ? 'Withdraw' : `Withdraw ${formatSat(sat * 1000n)} sat`,
    )
  }

  async function order(): Promise<void> {
    const draft = draftOf(destination.value, amount.value)
    setText('withdraw-error', typeof draft === 'string' ? draft : '')
    if (typeof draft === 'string') return
    button('withdraw-button').disabled = true
    try {
      const ordered = await api.orderWithdrawal(draft, keys.of(draft))
      keys.known(draft)
      if (signal.aborted) return
      form('withdraw').reset()
      fit()
      void follow(ordered)
    } catch (error) {
      if (isFinal(error)) keys.known(draft)
      if (!signal.aborted) setText('withdraw-error', explain(error))
    } finally {
      button('withdraw-button').disabled = false
    }
  }

  async function follow(ordered: Withdrawal): Promise<void> {
    followed = ordered.id
    moneyMoved()
    for (let now = ordered; followed === ordered.id && !signal.aborted;) {
      setText('withdraw-status', withdrawalText(now))
      element('withdraw-status').dataset['phase'] = now.status
      if (isEnded(now)) return moneyMoved()
      await sleepUntil(LOOK_MS, signal)
      now = await api.withdrawal(now.id).catch(() => now)
    }
  }

  for (const field of [destination, amount]) field.addEventListener('input', fit, { signal })
  form('withdraw').addEventListener(
    'submit',
    (event) => {
      event.preventDefault()
      void order()
    },
    { signal },
  )
  return {
    async refresh() {
      try {
        const { data } = await api.withdrawals(LISTED)
        if (signal.aborted) return
        show('withdrawals-title', data.length > 0)
        element('withdrawals').replaceChildren(...data.map(line))
      } catch (error) {
        if (!signal.aborted && isFinal(error)) setText('withdraw-error', explain(error))
      }
    },
  }
}

/** The order that the fields make, or what is wrong with them. */
function draftOf(whereTo: string, amount: string): Readonly<Record<string, string>> | string {
  const destination = destinationOf(whereTo)
  if (destination === undefined)
    return 'Paste a Lightning address (you@wallet.example), an LNURL or an invoice (lnbc…).'
  if (destination.kind === 'invoice') return { invoice: destination.invoice }
  const sat = parseSat(amount)
  if (sat === undefined) return 'Type how many sat you want to withdraw: a whole number.'
  return { lightning_address: destination.lightning_address, amount_msat: String(sat * 1000n) }
}

function line(withdrawal: Withdrawal): HTMLLIElement {
  const amount = make('span', `${formatSat(BigInt(withdrawal.amount_msat))} sat`)
  const status = make('span', withdrawal.status)
  status.className = 'quiet'
  return make('li', amount, status, moment(withdrawal.created))
}
