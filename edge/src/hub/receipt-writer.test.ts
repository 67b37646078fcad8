import type { LeaseId } from '@infernet/schemas/ids'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { describe, expect, it } from 'vitest'
import {
  MAX_KEPT_RECEIPTS,
  MAX_RECEIPTS_PER_STATEMENT,
  RECEIPT_INTERVAL_MS,
  RECEIPT_RETRY_MS,
} from '../limits.ts'
import type { ReceiptStatus, StoredReceipt } from '../ports.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ReceiptWriter } from './receipt-writer.ts'

/** `count` receipts whose leases begin with `name`. */
const batch = (name: string, count = 1): StoredReceipt[] =>
  Array.from({ length: count }, (_, i) => ({ lease: `${name}${i}` as LeaseId }) as StoredReceipt)

/** A writer whose statements are answered one by one, by hand. */
function open() {
  const clock = new ManualClock()
  const statements: {
    leases: string[]
    answer: (statuses?: ReceiptStatus[]) => void
    fail: (error: Error) => void
  }[] = []
  let outages = 0
  const writer = new ReceiptWriter({
    store: {
      storeReceipts: (receipts) => {
        const { promise, resolve, reject } = Promise.withResolvers<readonly ReceiptStatus[]>()
        statements.push({
          leases: receipts.map(({ lease }) => lease),
          answer: (statuses = receipts.map(() => 'stored')) => resolve(statuses),
          fail: reject,
        })
        return promise
      },
    },
    later: clock.later,
    now: clock.now,
    onUnavailable: () => void outages++,
  })
  /** Lets promises run. */
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { writer, clock, statements, settled, outages: () => outages }
}

describe('the writer of receipts', () => {
  it('writes a quiet hub’s batch at once, and tells each batch of its own', async () => {
    const { writer, clock, statements, settled } = open()
    const first = writer.write(batch('a'))
    expect(statements.map(({ leases }) => leases)).toEqual([['a0']])
    const [second, third] = [writer.write(batch('b', 2)), writer.write(batch('c'))]
    statements[0]?.answer()
    expect(await first).toEqual(['stored'])
    await settled()
    expect(statements).toHaveLength(1)
    clock.advance(RECEIPT_INTERVAL_MS)
    expect(statements[1]?.leases).toEqual(['b0', 'b1', 'c0'])
    statements[1]?.answer(['unknown', 'stored', 'unknown'])
    expect(await second).toEqual(['unknown', 'stored'])
    expect(await third).toEqual(['unknown'])
    clock.advance(RECEIPT_INTERVAL_MS)
    void writer.write(batch('d'))
    expect(statements[2]?.leases).toEqual(['d0'])
  })

  it('has one statement under way, and waits for no time when half of one has gathered', async () => {
    const { writer, statements, settled } = open()
    void writer.write(batch('a'))
    const many = MAX_RECEIPTS_PER_STATEMENT / 2 + 1
    void writer.write(batch('b', many))
    void writer.write(batch('c', many))
    expect(statements).toHaveLength(1)
    statements[0]?.answer()
    await settled()
    expect(statements[1]?.leases).toHaveLength(many)
    statements[1]?.answer()
    await settled()
    expect(statements[2]?.leases).toHaveLength(many)
  })

  it('passes a failure on to those whose receipts it had, and goes on', async () => {
    const { writer, clock, statements } = open()
    const first = writer.write(batch('a'))
    const second = writer.write(batch('b'))
    statements[0]?.fail(new Error('connection lost'))
    await expect(first).rejects.toThrow('connection lost')
    clock.advance(RECEIPT_INTERVAL_MS)
    statements[1]?.answer()
    expect(await second).toEqual(['stored'])
  })

  it('keeps what a database that is away could not take, first come first, and tries it again', async () => {
    const { writer, clock, statements, settled, outages } = open()
    const first = writer.write(batch('a'))
    const second = writer.write(batch('b', MAX_RECEIPTS_PER_STATEMENT - 1))
    statements[0]?.fail(new DbUnavailable('restarting'))
    await settled()
    clock.advance(RECEIPT_RETRY_MS - 1)
    expect([statements.length, outages()]).toEqual([1, 1])
    clock.advance(1)
    expect(statements[1]?.leases.slice(0, 2)).toEqual(['a0', 'b0'])
    statements[1]?.answer()
    expect(await first).toEqual(['stored'])
    expect(await second).toHaveLength(MAX_RECEIPTS_PER_STATEMENT - 1)
  })

  it('keeps nothing for a connection that is gone: its provider will repeat it', async () => {
    const { writer, clock, statements } = open()
    let isHere = true
    const first = writer.write(batch('a'), () => isHere)
    isHere = false
    statements[0]?.fail(new DbUnavailable('restarting'))
    await expect(first).rejects.toThrow('restarting')
    clock.advance(RECEIPT_RETRY_MS)
    expect(statements).toHaveLength(1)
  })

  it('keeps no more than there is room for, and nothing behind it whose connection is gone', async () => {
    const { writer, statements, settled } = open()
    let isHere = true
    void writer.write(batch('a'))
    const gone = writer.write(batch('b'), () => isHere)
    isHere = false
    statements[0]?.fail(new DbUnavailable('restarting'))
    await expect(gone).rejects.toThrow('restarting')
    void writer.write(batch('c', MAX_KEPT_RECEIPTS - 1))
    await expect(writer.write(batch('d'))).rejects.toThrow('restarting')
    await settled()
    expect(writer.isAway).toBe(true)
  })

  it('has nobody’s receipts refused for another’s sake', async () => {
    const { writer, clock, statements, settled } = open()
    void writer.write(batch('a')).catch(() => {})
    const [bad, good] = [writer.write(batch('bad')), writer.write(batch('good'))]
    statements[0]?.answer()
    await settled()
    clock.advance(RECEIPT_INTERVAL_MS)
    expect(statements[1]?.leases).toEqual(['bad0', 'good0'])
    statements[1]?.fail(new Error('refused'))
    await settled()
    clock.advance(RECEIPT_INTERVAL_MS)
    expect(statements[2]?.leases).toEqual(['bad0'])
    statements[2]?.fail(new Error('refused'))
    await expect(bad).rejects.toThrow('refused')
    clock.advance(RECEIPT_INTERVAL_MS)
    expect(statements[3]?.leases).toEqual(['good0'])
    statements[3]?.answer()
    expect(await good).toEqual(['stored'])
  })
})
