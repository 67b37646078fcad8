import { encode } from 'uqr'
import { describe, expect, it } from 'vitest'
import type { StoredTopUp } from './billing-port.ts'
import { invoiceQr } from './invoice-qr.ts'

const row: StoredTopUp = {
  id: 'top_1',
  accountId: undefined,
  amountMsat: 1_000n,
  memo: '',
  expirySeconds: 3_600,
  createdAt: 0,
  state: 'open',
  paymentHash: 'ab',
  bolt11: `lnbcrt10u1${'q'.repeat(300)}`,
  expiresAt: 3_600,
  paidMsat: 0n,
  credited: false,
}

describe('the QR code of an invoice', () => {
  it('shows the dark modules of its URI in capitals', () => {
    const { data, size } = encode(`LIGHTNING:${row.bolt11!.toUpperCase()}`, { ecc: 'L' })
    const dark = data.flatMap((line, y) => line.flatMap((on, x) => (on ? [`${x},${y}`] : [])))
    const svg = invoiceQr(row)
    const [, width] = /viewBox="0 0 (\d+) /.exec(svg) ?? []
    const module = Number(width) / size
    const drawn = [...svg.matchAll(/M(\d+),(\d+)h/g)].map(
      ([, x, y]) => `${Number(x) / module},${Number(y) / module}`,
    )
    expect(drawn.toSorted()).toEqual(dark.toSorted())
  })

  it.each(['requested', 'settled', 'expired'] as const)('is none while it is %s', (state) => {
    expect(() => invoiceQr({ ...row, state })).toThrow(
      expect.objectContaining({ status: 409, code: 'topup_not_payable' }),
    )
  })
})
