import { describe, expect, it } from 'vitest'
import {
  newAccountId,
  newJobId,
  type AccountId,
  type JobId,
  type LeaseId,
} from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import { MAX_RECEIPTS_PER_STATEMENT } from '../../limits.ts'
import type { ReceiptStatus, StoredReceipt } from '../../ports.ts'
import type { Database } from '@infernet/settlement/db/database'
import { findAnyJob, findJob } from '../jobs.ts'
import { writeLedgerEvents } from '../ledger-events.ts'
import { storeReceipts } from '../receipts.ts'
import { FEE_BPS, finishedJob, fundedBatch } from './fixtures.ts'

const provider = '12D3KooWprovider' as PeerId
const another = '12D3KooWanother' as PeerId

/** Whoever stores it signed it. */
type UnsignedReceipt = Omit<StoredReceipt, 'provider'>

const receiptOf = (
  job: JobRecord,
  statement: string,
  known = false,
  lease = job.lease,
): UnsignedReceipt => ({
  job: job.id as JobId,
  lease: lease as LeaseId,
  receipt: { statement, signature: 's', index: 0, size: 1, path: ['p'] },
  known,
})

export function testReceipts(open: () => Database): void {
  const newJob = async () => {
    const job = finishedJob({ providerId: provider })
    await writeLedgerEvents(open(), fundedBatch([job]), FEE_BPS)
    return job
  }
  const find = (job: JobRecord) => findJob(open(), job.accountId as AccountId, job.id as JobId)
  const store = (peer: PeerId, ...receipts: UnsignedReceipt[]): Promise<readonly ReceiptStatus[]> =>
    storeReceipts(
      open(),
      receipts.map((receipt) => ({ ...receipt, provider: peer })),
    )

  describe('jobs and receipts', () => {
    it('finds a job as it was recorded, without a receipt and then with it', async () => {
      const job = await newJob()
      expect(await find(job)).toEqual({ record: job, receipt: undefined, earlier: [] })
      const receipt = receiptOf(job, 'x')
      expect(await store(provider, receipt)).toEqual(['stored'])
      expect(await find(job)).toEqual({ record: job, receipt: receipt.receipt, earlier: [] })
    })

    it('finds a job by the id of its answer too, the newest of those that share it', async () => {
      const generationId = `gen-${newJobId(0)}`
      const old = finishedJob({ generationId })
      const jobs = [old, { ...finishedJob(), accountId: old.accountId, generationId, createdAt: 1 }]
      await writeLedgerEvents(open(), fundedBatch(jobs), FEE_BPS)
      const found = await findJob(open(), old.accountId as AccountId, generationId)
      expect(found?.record).toEqual(old)
      expect(await findJob(open(), newAccountId(0), generationId)).toBeUndefined()
    })

    it('stores receipts of every leg of an answer, each of its own provider', async () => {
      const last = finishedJob({ providerId: provider })
      const leg = {
        providerId: another,
        lease: `${last.id}.7`,
        promptTokens: 1,
        completionTokens: 1,
        claimedTokens: 1,
        costMsat: 1,
      }
      const job = { ...last, priorLegs: [leg] }
      await writeLedgerEvents(open(), fundedBatch([job]), FEE_BPS)
      expect((await find(job))?.earlier).toEqual([undefined])
      const prior = receiptOf(job, 'x', false, leg.lease)
      expect(await store(provider, prior)).toEqual(['unknown'])
      expect(await store(another, prior)).toEqual(['stored'])
      expect(await store(another, receiptOf(job, 'x'))).toEqual(['unknown'])
      expect(await store(provider, receiptOf(job, 'last'))).toEqual(['stored'])
      const found = await find(job)
      expect(found?.receipt?.statement).toBe('last')
      expect(found?.earlier.map((one) => one?.statement)).toEqual([prior.receipt.statement])
    })

    it("finds nobody else's job", async () => {
      const job = await newJob()
      expect(await find({ ...job, accountId: newAccountId(0) })).toBeUndefined()
      expect(await find({ ...job, id: newJobId(0) })).toBeUndefined()
    })

    it('finds anybody’s job by its id for who may see all', async () => {
      const job = await newJob()
      const receipt = receiptOf(job, 'x')
      await store(provider, receipt)
      const found = { record: job, receipt: receipt.receipt, earlier: [] }
      expect(await findAnyJob(open(), job.id as JobId)).toEqual(found)
      expect(await findAnyJob(open(), newJobId(0))).toBeUndefined()
    })

    it('keeps the first receipt of a lease, and says stored to its repetition', async () => {
      const job = await newJob()
      expect(await store(provider, receiptOf(job, 'first'))).toEqual(['stored'])
      expect(await store(provider, receiptOf(job, 'second'))).toEqual(['stored'])
      expect((await find(job))?.receipt?.statement).toBe('first')
    })

    it('stores nothing of a lease that nobody knows as this provider’s', async () => {
      const job = await newJob()
      const receipts = [receiptOf(job, 'x', false, `${job.id}.2`), receiptOf(finishedJob(), 'x')]
      expect(await store(provider, ...receipts)).toEqual(['unknown', 'unknown'])
      expect(await store(another, receiptOf(job, 'forged'))).toEqual(['unknown'])
      expect((await find(job))?.receipt).toBeUndefined()
    })

    it('takes the word of the hub before the job row is there, and remembers it', async () => {
      const job = finishedJob({ providerId: provider })
      expect(await store(provider, receiptOf(job, 'early', true))).toEqual(['stored'])
      expect(await store(provider, receiptOf(job, 'early'))).toEqual(['stored'])
      expect(await store(another, receiptOf(job, 'early'))).toEqual(['unknown'])
      await writeLedgerEvents(open(), fundedBatch([job]), FEE_BPS)
      expect((await find(job))?.receipt?.statement).toBe('early')
    })

    it('takes none, and refuses more than its limit at once', async () => {
      expect(await store(provider)).toEqual([])
      const receipt = receiptOf(finishedJob(), 'x')
      const many = Array.from({ length: MAX_RECEIPTS_PER_STATEMENT + 1 }, () => receipt)
      await expect(store(provider, ...many)).rejects.toThrow(RangeError)
    })

    it('takes those of several providers at once, and each lease once', async () => {
      const [mine, theirs] = [await newJob(), finishedJob({ providerId: another })]
      const rows = [
        { ...receiptOf(mine, 'forged'), provider: another },
        { ...receiptOf(mine, 'first'), provider },
        { ...receiptOf(theirs, 'early', true), provider: another },
        { ...receiptOf(mine, 'second'), provider },
      ]
      expect(await storeReceipts(open(), rows)).toEqual(['unknown', 'stored', 'stored', 'stored'])
      expect((await find(mine))?.receipt?.statement).toBe('first')
    })
  })
}
