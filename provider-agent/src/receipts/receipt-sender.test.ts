import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { leaseOf, newJobId, type LeaseId } from '@infernet/schemas/ids'
import { MAX_RECEIPTS_PER_BATCH } from '@infernet/schemas/limits'
import {
  fromBase64Url,
  openBatch,
  parseStatement,
  verifyReceipt,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import { decodeControl, receiptsSchema } from '@infernet/schemas/wire'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadIdentity } from '../identity.ts'
import { MAX_RECEIPT_BATCHES_IN_FLIGHT, RECEIPT_BATCH_DELAY_MS } from '../limits.ts'
import { Outbox } from './outbox.ts'
import { ReceiptSender } from './receipt-sender.ts'

const directory = mkdtempSync(join(tmpdir(), 'infernet-'))
const { identity } = loadIdentity(join(directory, 'key.pem'))

function statement(): ReceiptStatement {
  const job = newJobId(0)
  return {
    v: 1,
    job,
    lease: leaseOf(job, 1),
    provider: identity.peer,
    model: 'm',
    engine: 'tiny',
    usage: { prompt_tokens: 1, completion_tokens: 2 },
    price: { prompt: 1, completion: 1 },
    finish_reason: 'stop',
    output_sha256: '0'.repeat(64),
    output_bytes: 10,
    started_at: 0,
    ended_at: 1,
  }
}

function makeSender(maxBatches = 100) {
  const folder = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'outbox')
  const outbox = new Outbox(folder, maxBatches)
  const unknown: string[] = []
  const dropped: number[] = []
  const sender = new ReceiptSender({
    identity,
    outbox,
    onUnknown: (lease) => unknown.push(lease),
    onDropped: (batches) => dropped.push(batches),
  })
  const sent: Uint8Array[] = []
  const outlet = (_type: number, payload: Uint8Array) => void sent.push(payload)
  return { sender, folder, outbox, unknown, dropped, sent, outlet }
}

const batchOf = (payload: Uint8Array) => decodeControl(receiptsSchema, payload)
const leasesOf = (payload: Uint8Array) =>
  batchOf(payload).statements.map((text) => parseStatement(fromBase64Url(text))!.lease as LeaseId)
const ack = (leases: readonly LeaseId[], status: 'stored' | 'unknown' = 'stored') => ({
  results: leases.map((lease) => ({ lease, status })),
})

describe('sending receipts', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('signs what was finished within 50 ms once, and each receipt stands alone', async () => {
    const { sender, sent, outlet } = makeSender()
    sender.connected(outlet)
    for (let i = 0; i < 5; i++) sender.add(statement())
    vi.advanceTimersByTime(49)
    expect(sent).toHaveLength(0)
    vi.advanceTimersByTime(1)
    expect(sent).toHaveLength(1)
    vi.useRealTimers()
    const opened = await openBatch(identity.peer, batchOf(sent[0]!))
    expect(opened).toHaveLength(5)
    for (const { receipt } of opened!) {
      expect(await verifyReceipt(receipt)).toMatchObject({ ok: true })
    }
  })

  it('does not wait when a batch is full', () => {
    const { sender, sent, outlet } = makeSender()
    sender.connected(outlet)
    for (let i = 0; i < MAX_RECEIPTS_PER_BATCH; i++) sender.add(statement())
    expect(leasesOf(sent[0]!)).toHaveLength(MAX_RECEIPTS_PER_BATCH)
  })

  it('keeps a batch until every receipt in it is acknowledged', () => {
    const { sender, sent, outlet, outbox, unknown } = makeSender()
    sender.connected(outlet)
    sender.add(statement())
    sender.add(statement())
    sender.flush()
    const [one, two] = leasesOf(sent[0]!)
    sender.acknowledge(ack([one!]))
    expect(outbox.size).toBe(1)
    sender.acknowledge(ack([two!], 'unknown'))
    expect(outbox.size).toBe(0)
    expect(unknown).toEqual([two])
    expect(sender.isIdle).toBe(true)
  })

  it('has only a few batches under way and sends them again after a reconnect', () => {
    const { sender, sent, outlet, outbox } = makeSender()
    for (let i = 0; i < MAX_RECEIPT_BATCHES_IN_FLIGHT + 2; i++) {
      sender.add(statement())
      sender.flush()
    }
    expect(sent).toHaveLength(0)
    sender.connected(outlet)
    expect(sent).toHaveLength(MAX_RECEIPT_BATCHES_IN_FLIGHT)
    sender.acknowledge(ack(leasesOf(sent[0]!)))
    expect(sent).toHaveLength(MAX_RECEIPT_BATCHES_IN_FLIGHT + 1)
    sender.disconnected()
    const before = sent.splice(0)
    sender.connected(outlet)
    expect(sent[0]).toEqual(before[1])
    while (outbox.size > 0)
      for (const payload of sent.splice(0)) sender.acknowledge(ack(leasesOf(payload)))
    expect(sender.isIdle).toBe(true)
  })

  it('tells of what a full store had to drop', () => {
    const { sender, dropped } = makeSender(2)
    for (let i = 0; i < 3; i++) {
      sender.add(statement())
      sender.flush()
    }
    expect(dropped).toEqual([1])
  })

  it('survives a store that cannot be written', () => {
    const { sender, folder, dropped } = makeSender()
    rmSync(folder, { recursive: true })
    sender.add(statement())
    vi.advanceTimersByTime(RECEIPT_BATCH_DELAY_MS)
    expect(dropped).toEqual([1])
  })

  it('waits for the last acknowledgement, but not for ever', async () => {
    const { sender, sent, outlet } = makeSender()
    sender.connected(outlet)
    sender.add(statement())
    const settled = sender.settled(1_000)
    sender.acknowledge(ack(leasesOf(sent[0]!)))
    await settled
    sender.add(statement())
    const late = sender.settled(1_000)
    await vi.advanceTimersByTimeAsync(1_000)
    await late
    expect(sender.isIdle).toBe(false)
  })
})
