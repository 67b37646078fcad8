import { formatSat } from './amounts.ts'
import type { Api } from './api.ts'
import { explain } from './api-problem.ts'
import type { TopUp } from './api-types.ts'
import { byId, element, setText, show } from './dom.ts'
import { followTopUp } from './follow-top-up.ts'
import { sleepUntil } from './session.ts'
import { formatLeft, secondsLeft, topUpView } from './top-up-view.ts'

const TICK_MS = 1_000

/** The invoice that somebody is to pay: its code, its text, and what has become of it. */
export class InvoicePanel {
  readonly #api: Api
  readonly #paid: () => void
  #abort = new AbortController()
  #qrOf = ''
  #qrUrl = ''

  constructor(api: Api, paid: () => void) {
    this.#api = api
    this.#paid = paid
    api.signal.addEventListener('abort', () => this.close())
  }

  /** Shows this one, and follows it until it is over or another is shown. */
  open(topUp: TopUp): void {
    this.close()
    this.#abort = new AbortController()
    const { signal } = this.#abort
    let shown = topUp
    const render = (now: TopUp): void => {
      shown = now
      this.#render(now, signal)
    }
    render(topUp)
    show('invoice', true)
    const timer = setInterval(() => render(shown), TICK_MS)
    signal.addEventListener('abort', () => clearInterval(timer))
    void this.#follow(topUp.id, signal, render).finally(() => clearInterval(timer))
  }

  close(): void {
    this.#abort.abort()
    show('invoice', false)
    setText('invoice-status', '')
    this.#dropQr()
  }

  async #follow(id: string, signal: AbortSignal, render: (topUp: TopUp) => void): Promise<void> {
    const { topUp } = this.#api
    const topUpEvents = (topUpId: string) => this.#api.topUpEvents(topUpId, signal)
    const sleep = (ms: number) => sleepUntil(ms, signal)
    let last: TopUp | undefined
    const heard = (now: TopUp): void => {
      last = now
      render(now)
    }
    try {
      await followTopUp({ topUp, topUpEvents, sleep, signal }, id, heard)
      if (!signal.aborted && last?.status === 'settled') this.#paid()
    } catch (error) {
      if (!signal.aborted) setText('invoice-status', explain(error))
    }
  }

  #render(topUp: TopUp, signal: AbortSignal): void {
    const now = Date.now() / 1000
    const { phase, text } = topUpView(topUp, now)
    setText('invoice-amount', formatSat(BigInt(topUp.amount_msat)))
    setText('invoice-status', text)
    element('invoice-status').dataset['phase'] = phase
    setText('invoice-left', formatLeft(secondsLeft(topUp, now)))
    const isPayable = phase === 'payable'
    show('invoice-left-line', isPayable)
    show('invoice-pay', isPayable)
    show('invoice-link', isPayable)
    show('pay-simulated', topUp.simulated === true)
    show('invoice-wallet', topUp.simulated !== true)
    if (!isPayable || topUp.invoice === null) return
    const bolt11 = byId('invoice-bolt11', HTMLTextAreaElement)
    if (bolt11.value !== topUp.invoice) bolt11.value = topUp.invoice
    for (const id of ['invoice-link', 'invoice-wallet'])
      byId(id, HTMLAnchorElement).href = `lightning:${topUp.invoice}`
    setText('pay-command', `npm run pay -- ${topUp.invoice}`)
    void this.#draw(topUp.id, signal)
  }

  async #draw(id: string, signal: AbortSignal): Promise<void> {
    if (this.#qrOf === id) return
    this.#qrOf = id
    try {
      const picture = await this.#api.qr(id)
      if (signal.aborted) return
      this.#qrUrl = URL.createObjectURL(picture)
      byId('invoice-qr', HTMLImageElement).src = this.#qrUrl
    } catch {
      // The text beside it says the same; the next tick tries again.
      if (!signal.aborted) this.#qrOf = ''
    }
  }

  #dropQr(): void {
    byId('invoice-qr', HTMLImageElement).removeAttribute('src')
    if (this.#qrUrl !== '') URL.revokeObjectURL(this.#qrUrl)
    this.#qrUrl = ''
    this.#qrOf = ''
  }
}
