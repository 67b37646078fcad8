import { generateKeyPairSync, sign } from 'node:crypto'
import { CLOSE } from '@infernet/schemas/close-codes'
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
import { MAX_AWAITED_RECEIPTS, RECEIPT_INTERVAL_MS, RECEIPT_RETRY_MS } from '../limits.ts'
import type { StoredReceipt, StorePort } from '../ports.ts'
import { answerJson } from '../testing/answers.ts'
import { newProviderKey } from '../testing/fake-provider.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import { startEdge } from '../testing/test-edge.ts'
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

/** Its time stands still but for what waits for it. */
function intakeOf(store: Pick<StorePort, 'storeReceipts'>): ReceiptIntake {
  let now = 0
  const later = (task: () => void, delayMs: number): void => {
    now += delayMs
    queueMicrotask(task)
  }
  return new ReceiptIntake({ store, later, now: () => now, onUnavailable: () => {} })
}

describe('receipt intake', () => {
  it('stores receipts that stand alone, in the order of the batch', async () => {
    const store = new MemoryStore()
    const intake = intakeOf(store)
    const jobs = [newJobId(1), newJobId(2), newJobId(3)]
    for (const job of jobs) intake.expect(leaseOf(job, 1), PROVIDER)
    const ack = await intake.take(PROVIDER, batchOf(...jobs.map((job) => statement(job))))
    expect(ack.results).toEqual(jobs.map((job) => ({ lease: leaseOf(job, 1), status: 'stored' })))
    for (const { receipt, job } of store.receipts.values()) {
      expect(await verifyReceipt(receipt)).toMatchObject({ ok: true, statement: { job } })
    }
  })

  it('acknowledges a repeated batch, and knows no lease that it never gave', async () => {
    const intake = intakeOf(new MemoryStore())
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
    await expect(intakeOf(store).take(PROVIDER, forge())).rejects.toThrow(ReceiptError)
    expect(store.receipts.size).toBe(0)
  })

  it('passes the store’s failure on and still knows the lease afterwards', async () => {
    const store = new MemoryStore()
    const intake = intakeOf(store)
    const job = newJobId(1)
    intake.expect(leaseOf(job, 1), PROVIDER)
    store.down = true
    const isWanted = (): boolean => false
    const taking = intake.take(PROVIDER, batchOf(statement(job)), isWanted)
    await expect(taking).rejects.toThrow('refused')
    store.down = false
    expect(await intake.take(PROVIDER, batchOf(statement(job)))).toMatchObject({
      results: [{ status: 'stored' }],
    })
  })

  it('forgets the oldest leases above its bound', async () => {
    const seen: StoredReceipt[] = []
    const intake = intakeOf({
      storeReceipts: async (receipts) => {
        seen.push(...receipts)
        return []
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

/** A job that has been answered, and its provider. */
async function answered() {
  const edge = await startEdge()
  const provider = await edge.provider()
  const answer = edge.chat()
  const job = await provider.jobs.next()
  answerJson(job)
  await answer
  return { edge, provider, job }
}

describe('receipts on the wire', () => {
  it('are stored before they are acknowledged, even before their job is in Postgres', async () => {
    const { edge, provider, job } = await answered()
    expect(edge.store.ledger.size).toBe(0)
    provider.sendReceipts([job.statement()])
    expect(await provider.acks.next()).toEqual({
      results: [{ lease: job.header.lease, status: 'stored' }],
    })
    expect(edge.store.receipts.has(job.header.lease as never)).toBe(true)
  })

  it('close the connection when somebody else signed them', async () => {
    const { edge, provider, job } = await answered()
    const other = await edge.provider()
    provider.sendReceipts([job.statement()], newProviderKey())
    await expect.poll(() => provider.closed).toMatchObject({ code: CLOSE.protocol })
    other.sendReceipts([job.statement()])
    await expect.poll(() => other.closed).toMatchObject({ code: CLOSE.protocol })
    expect(edge.store.receipts.size).toBe(0)
  })

  it('are unknown when the lease was somebody else’s, who can still send its own', async () => {
    const { edge, provider, job } = await answered()
    const thief = await edge.provider()
    thief.sendReceipts([job.statement({ provider: thief.peer })])
    const { lease } = job.header
    expect(await thief.acks.next()).toEqual({ results: [{ lease, status: 'unknown' }] })
    edge.clock.advance(RECEIPT_INTERVAL_MS)
    provider.sendReceipts([job.statement()])
    expect(await provider.acks.next()).toEqual({ results: [{ lease, status: 'stored' }] })
    expect(edge.store.receipts.size).toBe(1)
  })

  it('are not acknowledged while Postgres is away, and taken without being sent again', async () => {
    const { edge, provider, job } = await answered()
    edge.store.down = true
    provider.sendReceipts([job.statement()])
    await expect
      .poll(() => edge.log.map(({ fields }) => fields['operation']))
      .toContain('storeReceipts')
    expect(provider.acks.size).toBe(0)
    expect(provider.closed).toBeUndefined()
    edge.store.down = false
    edge.clock.advance(RECEIPT_RETRY_MS)
    expect((await provider.acks.next()).results).toMatchObject([{ status: 'stored' }])
  })

  it('may not come in without end', async () => {
    const { provider, job } = await answered()
    for (let i = 0; i < 9; i++) provider.sendReceipts([job.statement()])
    await expect.poll(() => provider.closed).toMatchObject({ code: CLOSE.protocol })
  })

  it('of a provider that is gone by then disturb nobody', async () => {
    const { edge, provider, job } = await answered()
    provider.sendReceipts([job.statement()])
    provider.vanish()
    await expect.poll(() => edge.store.receipts.size).toBe(1)
    expect(provider.acks.size).toBe(0)
  })
})
