import { describe, expect, it } from 'vitest'
import { INVOICE_TRANSITIONS, move } from './sim-invoice-states.ts'
import type { SimInvoiceEvent, SimInvoiceState } from './sim-invoice-states.ts'
import type { SimInvoice } from './sim-state.ts'

const STATES = Object.keys(INVOICE_TRANSITIONS) as SimInvoiceState[]
const EVENTS: SimInvoiceEvent[] = ['hold', 'settle', 'cancel']
const LEGAL = new Map<string, SimInvoiceState>([
  ['OPEN hold', 'ACCEPTED'],
  ['OPEN settle', 'SETTLED'],
  ['OPEN cancel', 'CANCELED'],
  ['ACCEPTED settle', 'SETTLED'],
  ['ACCEPTED cancel', 'CANCELED'],
])

describe("an invoice's states", () => {
  it.each(STATES.flatMap((state) => EVENTS.map((event) => ({ state, event }))))(
    '$state, $event',
    ({ state, event }) => {
      const invoice = { state } as SimInvoice
      const next = LEGAL.get(`${state} ${event}`)
      if (next === undefined) expect(() => move(invoice, event)).toThrow(state)
      else move(invoice, event)
      expect(invoice.state).toBe(next ?? state)
    },
  )
})
