import { describe, expect, it } from 'vitest'
import type { PaymentRecord } from '../lightning/lightning-backend.ts'
import { paymentNow } from './payment-now.ts'

const record = (index: bigint, hash: string, status: 'failed' | 'succeeded'): PaymentRecord => ({
  index,
  paymentHash: hash,
  bolt11: '',
  amountMsat: 5n,
  feeMsat: 0n,
  createdAt: 0,
  outcome:
    status === 'failed'
      ? { status, reason: 'no_route' }
      : { status, preimage: hash, amountMsat: 5n, feeMsat: 0n },
})
const nodeOf = (...records: readonly PaymentRecord[]) => ({
  asked: [] as bigint[],
  async *listPayments(after: bigint) {
    this.asked.push(after)
    yield* records.filter(({ index }) => index > after)
  },
})
const { signal } = new AbortController()

describe('a payment now', () => {
  it('is read again, also where it was tried again under a later index', async () => {
    const before = record(2n, 'aa', 'failed')
    const [same, later] = [record(2n, 'aa', 'succeeded'), record(4n, 'aa', 'succeeded')]
    const other = record(3n, 'bb', 'succeeded')
    expect(await paymentNow(nodeOf(same, other), before, signal)).toBe(same)
    expect(await paymentNow(nodeOf(other, later), before, signal)).toBe(later)
  })

  it('is as it was where the node has forgotten it, and is not asked for where it cannot change', async () => {
    const before = record(2n, 'aa', 'failed')
    expect(await paymentNow(nodeOf(record(3n, 'bb', 'failed')), before, signal)).toBe(before)
    const done = record(2n, 'aa', 'succeeded')
    const node = nodeOf()
    expect(await paymentNow(node, done, signal)).toBe(done)
    expect(node.asked).toEqual([])
  })
})
