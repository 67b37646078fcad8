import { formatSat, parseSat } from './amounts.ts'
import { explain, isFinal } from './api-problem.ts'
import type { TopUp } from './api-types.ts'
import { button, element, form, input, make, moment, setText, show } from './dom.ts'
import { InvoicePanel } from './invoice-panel.ts'
import { OrderKey } from './order-key.ts'
import { ORDER_ITEMS, type Card, type Session } from './session.ts'
import { topUpView } from './top-up-view.ts'

const LISTED = 5
const STATUS_WORDS = {
  making: 'being made',
  payable: 'to be paid',
  crediting: 'arrived',
  paid: 'paid',
  expired: 'expired',
} as const

/** Orders invoices, shows the one that is to be paid, and lists the latest. */
export function topUpCard(session: Session): Card {
  const { api } = session
  const keys = new OrderKey(ORDER_ITEMS.topUps, sessionStorage)
  const panel = new InvoicePanel(api, session.moneyMoved)
  const amount = input('top-up-amount')
  let listed = ''

  async function order(): Promise<void> {
    const sat = parseSat(amount.value)
    amount.setAttribute('aria-invalid', String(sat === undefined))
    if (sat === undefined) {
      setText('top-up-error', 'Type how many sat you want to add: a whole number, such as 1,000.')
      return amount.focus()
    }
    setText('top-up-error', '')
    const body = { amount_msat: String(sat * 1000n) }
    button('top-up-button').disabled = true
    try {
      const topUp = await api.orderTopUp(body, keys.of(body))
      keys.known(body)
      if (api.signal.aborted) return
      panel.open(topUp)
      await card.refresh()
    } catch (error) {
      if (isFinal(error)) keys.known(body)
      if (!api.signal.aborted) setText('top-up-error', explain(error))
    } finally {
      button('top-up-button').disabled = false
    }
  }

  const card: Card = {
    async refresh() {
      try {
        const { data, simulated, network } = await api.topUps(LISTED)
        if (api.signal.aborted) return
        show('simulated', simulated === true)
        show('top-ups-title', data.length > 0)
        // Only what has changed, so that whoever is at a button of it stays there.
        const lines = data.map((topUp) => line(topUp, panel))
        const text = lines.map(({ textContent }, at) => `${data[at]?.id} ${textContent}`).join('\n')
        if (text !== listed) element('top-ups').replaceChildren(...lines)
        listed = text
        show('payments-away', network === null)
      } catch (error) {
        // What passes is said beside the balance.
        if (!api.signal.aborted && isFinal(error)) setText('top-up-error', explain(error))
      }
    },
  }
  const { signal } = api
  form('top-up').addEventListener(
    'submit',
    (event) => {
      event.preventDefault()
      void order()
    },
    { signal },
  )
  for (const preset of document.querySelectorAll<HTMLButtonElement>('[data-sat]')) {
    preset.addEventListener('click', () => (amount.value = preset.dataset['sat'] ?? ''), { signal })
  }
  return card
}

/** One that can still be paid is a button that shows it again. */
function line(topUp: TopUp, panel: InvoicePanel): HTMLLIElement {
  const { phase } = topUpView(topUp, Date.now() / 1000)
  const amount = make('span', `${formatSat(BigInt(topUp.amount_msat))} sat`)
  const status = make('span', STATUS_WORDS[phase])
  status.className = 'quiet'
  if (phase !== 'payable') return make('li', amount, status, moment(topUp.created))
  const pay = make('button', 'Show')
  pay.type = 'button'
  pay.className = 'plain'
  pay.setAttribute('aria-label', `Show the invoice of ${amount.textContent}`)
  pay.addEventListener('click', () => panel.open(topUp))
  return make('li', amount, status, pay, moment(topUp.created))
}
