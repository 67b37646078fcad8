import { FRAME } from '@infernet/schemas/frame'
import { signPayout } from '@infernet/schemas/payout-statement'
import type { PayoutWishes } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { INVOICE_TIMEOUT_MS, MAX_INVOICE_ASKS } from '../limits.ts'
import type { InvoiceOrder } from '../ports.ts'
import { newProviderKey, type FakeProvider } from '../testing/fake-provider.ts'
import { capabilityOf, startEdge } from '../testing/test-edge.ts'

const INVOICES: PayoutWishes = { to: { kind: 'invoice' } }
const order = (fields: Partial<InvoiceOrder> = {}): InvoiceOrder => ({
  payout: 'po_1',
  attempt: 1,
  amountMsat: 25_000n,
  ...fields,
})
const refusal = (code: string, message: string) =>
  expect.objectContaining({ name: 'InvoiceAskError', code, message })

/** An edge, and a provider that wants its money by invoices of its own. */
async function payee() {
  const edge = await startEdge()
  const key = newProviderKey()
  const provider = await edge.provider({ payout: signPayout(key, INVOICES, 1) }, key)
  return { edge, provider, ask: (one = order()) => edge.hub.askInvoice(provider.peer, one) }
}

/** Answers the next request with an invoice that is made of its name. */
async function answerOne(provider: FakeProvider): Promise<void> {
  const { id, payout, attempt } = await provider.invoiceRequests.next()
  const bolt11 = `lnbc${payout.replaceAll('_', '')}x${attempt}`
  provider.sendControl(FRAME.invoice, { id, bolt11 })
}

describe('asking a provider for an invoice', () => {
  it('says which payout, which attempt and how much, and gives what it answers', async () => {
    const { provider, ask } = await payee()
    const asking = ask(order({ attempt: 2, amountMsat: 9_999_999_999_999_999n }))
    expect(await provider.invoiceRequests.next()).toEqual({
      id: expect.any(Number) as number,
      payout: 'po_1',
      attempt: 2,
      amount_msat: '9999999999999999',
    })
    const again = ask()
    await answerOne(provider)
    expect(await again).toBe('lnbcpo1x1')
    provider.vanish()
    await expect(asking).rejects.toEqual(refusal('offline', 'it went away while it was asked'))
  })

  it('gives each answer to whoever asked, in whatever order they come', async () => {
    const { provider, ask } = await payee()
    const asking = [ask(order({ attempt: 1 })), ask(order({ attempt: 2 }))]
    const requests = [await provider.invoiceRequests.next(), await provider.invoiceRequests.next()]
    for (const { id, attempt } of requests.toReversed())
      provider.sendControl(FRAME.invoice, { id, bolt11: `lnbc${attempt}` })
    expect(await Promise.all(asking)).toEqual(['lnbc1', 'lnbc2'])
  })

  it('tells why there is none', async () => {
    const { provider, ask } = await payee()
    const asking = ask()
    const { id } = await provider.invoiceRequests.next()
    provider.sendControl(FRAME.invoice, { id, error: 'its node cannot be reached' })
    await expect(asking).rejects.toEqual(refusal('refused', 'its node cannot be reached'))
  })

  it('waits 15 seconds, and ignores what comes later', async () => {
    const { edge, provider, ask } = await payee()
    const asking = ask()
    const { id } = await provider.invoiceRequests.next()
    edge.clock.advance(INVOICE_TIMEOUT_MS)
    await expect(asking).rejects.toEqual(refusal('timeout', 'no invoice within 15 s'))
    provider.sendControl(FRAME.invoice, { id, bolt11: 'lnbclate' })
    const again = ask()
    const next = await provider.invoiceRequests.next()
    provider.sendControl(FRAME.invoice, { id, bolt11: 'lnbclater' })
    provider.sendControl(FRAME.invoice, { id: next.id, bolt11: 'lnbcintime' })
    expect(await again).toBe('lnbcintime')
    expect(provider.closed).toBeUndefined()
  })

  it('takes no answer to an ask of an earlier life for one of this life', async () => {
    const { edge, provider, ask } = await payee()
    const old = ask()
    const { id } = await provider.invoiceRequests.next()
    edge.clock.advance(INVOICE_TIMEOUT_MS)
    await expect(old).rejects.toThrow()
    edge.hub.restored(provider.socket, provider.saved!)
    const asking = ask()
    expect((await provider.invoiceRequests.next()).id).toBeGreaterThan(id)
    provider.vanish()
    await expect(asking).rejects.toThrow()
  })

  it('asks for a few at a time', async () => {
    const { provider, ask } = await payee()
    const asking = Array.from({ length: MAX_INVOICE_ASKS }, (_, n) =>
      ask(order({ attempt: n + 1 })),
    )
    await expect(ask()).rejects.toMatchObject({ code: 'busy' })
    for (const _ of asking) await answerOne(provider)
    await Promise.all(asking)
    const another = ask()
    await answerOne(provider)
    expect(await another).toBe('lnbcpo1x1')
  })

  it.each<[string, PayoutWishes | undefined]>([
    ['does not say where its money goes, as an old agent', undefined],
    ['has a Lightning address', { to: { kind: 'lightning_address', address: 'a@b.example' } }],
    ['is paid by keysend', { to: { kind: 'keysend', pubkey: `02${'ab'.repeat(32)}` } }],
  ])('never asks one that %s', async (_, wishes) => {
    const edge = await startEdge()
    const key = newProviderKey()
    const fields = wishes === undefined ? {} : { payout: signPayout(key, wishes, 1) }
    const provider = await edge.provider(fields, key)
    const asking = edge.hub.askInvoice(provider.peer, order())
    await expect(asking).rejects.toMatchObject({ code: 'refused' })
    expect(provider.invoiceRequests.size).toBe(0)
    expect(provider.control).not.toContain(FRAME.invoiceRequest)
  })

  it.each<[string, Partial<InvoiceOrder>]>([
    ['name', { payout: 'po|1' }],
    ['attempt', { attempt: 0 }],
    ['amount', { amountMsat: 0n }],
    ['large amount', { amountMsat: 10n ** 16n }],
  ])('does not send an agent a bad %s, which it would take for a breach', async (_, fields) => {
    const { provider, ask } = await payee()
    await expect(ask(order(fields))).rejects.toMatchObject({ code: 'refused' })
    expect(provider.invoiceRequests.size).toBe(0)
  })

  it('knows when the provider is not connected', async () => {
    const edge = await startEdge()
    const asking = edge.hub.askInvoice(newProviderKey().peer, order())
    await expect(asking).rejects.toEqual(refusal('offline', 'it is not connected'))
  })

  it('is offline for those who asked when the key logs in again', async () => {
    const { edge, provider, ask } = await payee()
    const asking = expect(ask()).rejects.toMatchObject({ code: 'offline' })
    const payout = signPayout(provider.key, INVOICES, 2)
    const next = await edge.provider({ payout }, provider.key)
    await asking
    const again = ask()
    await answerOne(next)
    expect(await again).toBe('lnbcpo1x1')
  })

  it('follows the latest capability record', async () => {
    const { provider, ask } = await payee()
    provider.announce(capabilityOf())
    await expect(ask()).rejects.toMatchObject({ code: 'refused' })
    const payout = signPayout(provider.key, INVOICES, 2)
    provider.announce(capabilityOf({ payout }))
    const again = ask()
    await answerOne(provider)
    expect(await again).toBe('lnbcpo1x1')
  })
})
