import { generateKeyPairSync, sign } from 'node:crypto'
import { leaseOf, newJobId, type JobId, type LeaseId } from '@infernet/schemas/ids'
import { peerIdOf } from '@infernet/schemas/peer-id'
import {
  batchToSign,
  encodeStatement,
  toBase64Url,
  verifyReceipt,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import { describe, expect, it } from 'vitest'
import { MAX_AWAITED_RECEIPTS } from '../limits.ts'
import type { StoredReceipt } from '../ports.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import { ReceiptError, ReceiptIntake } from './receipt-intake.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const PROVIDER = peerIdOf(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))

const statement = (job: JobId, fields: Partial<ReceiptStatement> = {}): ReceiptStatement => ({
  v: 1,
  job,
  lease: leaseOf(job, 1),
  provider: PROVIDER,
  model: 'm',
  engine: 'fake',
  usage: { prompt_tokens: 1, completion_tokens: 1 },
  price: { prompt: 1, completion: 1 },
  finish_reason: 'stop',
  output_sha256: '0'.repeat(64),
  output_bytes: 1,
  started_at: 0,
  ended_at: 0,
  ...fields,
})

function batch(statements: readonly Uint8Array<ArrayBuffer>[]) {
  const signature = toBase64Url(sign(null, batchToSign(statements), privateKey))
  return { signature, statements: statements.map(toBase64Url) }
}
const batchOf = (...statements: ReceiptStatement[]) => batch(statements.map(encodeStatement))

describe('receipt intake', () => {
  it('stores receipts that stand alone, in the order of the batch', async () => {
    const store = new MemoryStore()
    const intake = new ReceiptIntake(store)
    const jobs = [newJobId(1), newJobId(2), newJobId(3)]
    for (const job of jobs) intake.expect(leaseOf(job, 1), PROVIDER)
    const ack = await intake.take(PROVIDER, batchOf(...jobs.map((job) => statement(job))))
    expect(ack.results).toEqual(jobs.map((job) => ({ lease: leaseOf(job, 1), status: 'stored' })))
    for (const { receipt, job } of store.receipts.values()) {
      expect(await verifyReceipt(receipt)).toMatchObject({ ok: true, statement: { job } })
    }
  })

  it('acknowledges a repeated batch, and knows no lease that it never gave', async () => {
    const intake = new ReceiptIntake(new MemoryStore())
    const [known, unknown] = [newJobId(1), newJobId(2)]
    intake.expect(leaseOf(known, 1), PROVIDER)
    const both = batchOf(statement(known), statement(unknown))
    const expected = { results: [{ status: 'stored' }, { status: 'unknown' }] }
    expect(await intake.take(PROVIDER, both)).toMatchObject(expected)
    expect(await intake.take(PROVIDER, both)).toMatchObject(expected)
  })

  it.each([
    [
      'a statement changed after signing',
      () => {
        const good = batchOf(statement(newJobId(1)))
        const changed = encodeStatement(statement(newJobId(2)))
        return { ...good, statements: [toBase64Url(changed)] }
      },
    ],
    ['bytes that are no statement', () => batch([new TextEncoder().encode('{}') as never])],
    [
      'another provider’s name',
      () => {
        const other = peerIdOf(new Uint8Array(32))
        return batchOf(statement(newJobId(1), { provider: other }))
      },
    ],
    ['no signature', () => ({ ...batchOf(statement(newJobId(1))), signature: '' })],
  ])('refuses %s', async (_, forge) => {
    const store = new MemoryStore()
    await expect(new ReceiptIntake(store).take(PROVIDER, forge())).rejects.toThrow(ReceiptError)
    expect(store.receipts.size).toBe(0)
  })

  it('passes the store’s failure on and still knows the lease afterwards', async () => {
    const store = new MemoryStore()
    const intake = new ReceiptIntake(store)
    const job = newJobId(1)
    intake.expect(leaseOf(job, 1), PROVIDER)
    store.down = true
    await expect(intake.take(PROVIDER, batchOf(statement(job)))).rejects.toThrow('refused')
    store.down = false
    expect(await intake.take(PROVIDER, batchOf(statement(job)))).toMatchObject({
      results: [{ status: 'stored' }],
    })
  })

  it('forgets the oldest leases above its bound', async () => {
    const seen: StoredReceipt[] = []
    const intake = new ReceiptIntake({
      storeReceipts: async (_, receipts) => {
        seen.push(...receipts)
        return new Map()
      },
    })
    const [oldest, newest] = [newJobId(1), newJobId(2)]
    intake.expect(leaseOf(oldest, 1), PROVIDER)
    for (let i = 2; i <= MAX_AWAITED_RECEIPTS; i++)
      intake.expect(`filler-${i}` as LeaseId, PROVIDER)
    intake.expect(leaseOf(newest, 1), PROVIDER)
    await intake.take(PROVIDER, batchOf(statement(oldest), statement(newest)))
    expect(seen.map(({ known }) => known)).toEqual([false, true])
  })
})
