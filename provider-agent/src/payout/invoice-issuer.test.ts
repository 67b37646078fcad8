import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InvoiceRequest } from '@infernet/schemas/wire'
import { decodeInvoice } from '@infernet/settlement/bolt11/decode-invoice'
import { AGENT_URIS } from '@infernet/settlement/lightning/lnd/macaroon-roles'
import type { LightningBackend } from '@infernet/settlement/lightning/lightning-backend'
import { LightningError } from '@infernet/settlement/lightning/lightning-error'
import { openLnd } from '@infernet/settlement/lightning/open-lnd'
import { SimReceiver } from '@infernet/settlement/testing/sim-receiver'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { INVOICE_EXPIRY_SECONDS, MAX_INVOICES_AT_ONCE, MAX_INVOICES_PER_DAY } from '../limits.ts'
import { InvoiceIssuer } from './invoice-issuer.ts'

const KEY = new Uint8Array(32).fill(7)
const DAY_MS = 24 * 60 * 60 * 1000
const request = (fields: Partial<InvoiceRequest> = {}): InvoiceRequest => ({
  id: 1,
  payout: 'po_1',
  attempt: 1,
  amount_msat: '25000',
  ...fields,
})
const refused = (message: string) =>
  expect.objectContaining({ name: 'InvoiceRefusal', code: 'invoice_refused', message })

describe('invoices of a node', () => {
  let node: SimReceiver
  const issuers: InvoiceIssuer[] = []
  /** With the macaroon that an agent needs, and no other. */
  const issuer = (key = KEY, uris: readonly string[] = AGENT_URIS): InvoiceIssuer => {
    const open = () => openLnd(node.address(uris))
    const made = new InvoiceIssuer({ open, key, now: Date.now })
    issuers.push(made)
    return made
  }
  beforeAll(async () => {
    node = await SimReceiver.start()
  })
  afterAll(async () => {
    for (const one of issuers) await one.close()
    node.close()
  })

  it('are for what was asked, for an hour, and say which payout', async () => {
    const bolt11 = await issuer().issue(request())
    const { pubkey } = await issuer().info()
    const invoice = decodeInvoice(bolt11)
    expect(invoice).toMatchObject({ amountMsat: 25_000n, payee: pubkey })
    expect(invoice.expiresAt - node.now()).toBeGreaterThan(INVOICE_EXPIRY_SECONDS - 60)
    expect(await node.backend.lookupInvoice(invoice.paymentHash)).toMatchObject({
      memo: 'infernet po_1',
      state: 'open',
    })
    expect(node.pay(bolt11)).toBe('settled')
    expect(node.receivedMsat).toBe(25_000n)
  })

  it('are the same for a payout and an attempt, another one for every other', async () => {
    const names = fc.record({
      payout: fc.constantFrom('po_a', 'po_b'),
      attempt: fc.integer({ min: 1, max: 3 }),
    })
    const known = new Map<string, string>()
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        // Each time another life of the agent.
        const { paymentHash } = decodeInvoice(await issuer().issue(request(name)))
        const key = JSON.stringify(name)
        expect(known.get(key) ?? paymentHash).toBe(paymentHash)
        known.set(key, paymentHash)
        expect(new Set(known.values()).size).toBe(known.size)
      }),
      { numRuns: 12 },
    )
    const other = await issuer(KEY.map((byte) => byte + 1)).issue(request({ payout: 'po_a' }))
    expect([...known.values()]).not.toContain(decodeInvoice(other).paymentHash)
  })

  it('need the macaroon that the documentation has baked', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/provider.md'), 'utf8')
    const baked = [...text.matchAll(/uri:(\S+)/g)].map(([, uri]) => uri)
    expect(baked.toSorted()).toEqual(AGENT_URIS.toSorted())
  })

  it('are refused for another amount under the same name', async () => {
    const one = issuer()
    await one.issue(request({ payout: 'po_c' }))
    await expect(one.issue(request({ payout: 'po_c', amount_msat: '25001' }))).rejects.toEqual(
      refused('another amount was asked for under this payout and attempt'),
    )
  })

  it('are refused with a macaroon that does not allow them, and while the node is away', async () => {
    const weak = issuer(KEY, ['/lnrpc.Lightning/GetInfo'])
    await expect(weak.issue(request({ payout: 'po_d' }))).rejects.toEqual(
      refused('its macaroon does not allow it to make invoices'),
    )
    const one = issuer()
    node.faults.plan('AddInvoice', { kind: 'refuse' })
    await expect(one.issue(request({ payout: 'po_d' }))).rejects.toEqual(
      refused('its Lightning node cannot be reached'),
    )
    expect(await one.issue(request({ payout: 'po_d' }))).toMatch(/^ln/)
  })
})

describe('a node that is asked too much', () => {
  const backend = (addInvoice: LightningBackend['addInvoice']): LightningBackend =>
    ({ addInvoice, close: () => {} }) as unknown as LightningBackend
  const instant = backend(async () => ({ paymentHash: '', bolt11: 'ln1', addIndex: 1n }))

  it('gives so many new invoices a day and no more, and old ones still', async () => {
    let now = 10 * DAY_MS
    const issuer = new InvoiceIssuer({ open: async () => instant, key: KEY, now: () => now })
    for (let n = 1; n <= MAX_INVOICES_PER_DAY; n++) await issuer.issue(request({ attempt: n }))
    const another = () => issuer.issue(request({ payout: 'po_2' }))
    await expect(another()).rejects.toEqual(refused('no more than 5000 invoices a day'))
    expect(await issuer.issue(request({ attempt: 3 }))).toBe('ln1')
    now += DAY_MS
    expect(await another()).toBe('ln1')
  })

  it('makes so many at a time', async () => {
    const gate = Promise.withResolvers<void>()
    const slow = backend(async () => {
      await gate.promise
      return { paymentHash: '', bolt11: 'ln1', addIndex: 1n }
    })
    const issuer = new InvoiceIssuer({ open: async () => slow, key: KEY, now: () => 0 })
    const first = Array.from({ length: MAX_INVOICES_AT_ONCE }, (_, n) =>
      issuer.issue(request({ attempt: n + 1 })),
    )
    await expect(issuer.issue(request())).rejects.toEqual(
      refused('8 invoices are being made already'),
    )
    gate.resolve()
    await Promise.all(first)
    expect(await issuer.issue(request())).toBe('ln1')
  })

  it('is opened again when that failed, and tells the edge nothing of why', async () => {
    let opened = 0
    const open = async () => {
      if (++opened === 1) throw new Error('secret path')
      return instant
    }
    const issuer = new InvoiceIssuer({ open, key: KEY, now: () => 0 })
    await expect(issuer.issue(request())).rejects.toEqual(
      refused('its Lightning node made no invoice'),
    )
    expect(await issuer.issue(request())).toBe('ln1')
    await issuer.close()
  })

  it('is closed without having been opened', async () => {
    const open = () => Promise.reject(new LightningError('internal', 'not needed'))
    await new InvoiceIssuer({ open, key: KEY, now: () => 0 }).close()
  })
})
