import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { leaseOf, newJobId, type LeaseId } from '@infernet/schemas/ids'
import { MAX_RECEIPTS_PER_BATCH } from '@infernet/schemas/limits'
import {
  batchToSign,
  encodeStatement,
  fromBase64Url,
  openBatch,
  parseStatement,
  toBase64Url,
  verifyReceipt,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import { decodeControl, encodeControl, receiptsSchema } from '@infernet/schemas/wire'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadIdentity, type Identity } from '../identity.ts'
import {
  MAX_RECEIPT_BATCHES_IN_FLIGHT,
  MAX_UNSTORED_BATCHES,
  RECEIPT_BATCH_DELAY_MS,
  RECEIPT_STORE_RETRY_MS,
} from '../limits.ts'
import { Outbox } from './outbox.ts'
import { ReceiptSender } from './receipt-sender.ts'

const directory = mkdtempSync(join(tmpdir(), 'infernet-'))
const { identity } = loadIdentity(join(directory, 'key.pem'))

function statement(provider = identity.peer): ReceiptStatement {
  const job = newJobId(0)
  return {
    v: 1,
    job,
    lease: leaseOf(job, 1),
    provider,
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

const newFolder = () => join(mkdtempSync(join(tmpdir(), 'infernet-')), 'outbox')

function makeSender(maxBatches = 100, folder = newFolder(), who: Identity = identity) {
  const outbox = new Outbox(folder, maxBatches)
  const unknown: string[] = []
  const dropped: number[] = []
  const unstored: string[] = []
  const sender = new ReceiptSender({
    identity: who,
    outbox,
    onUnknown: (lease) => unknown.push(lease),
    onDropped: (batches) => dropped.push(batches),
    onUnstored: (reason) => unstored.push(reason),
  })
  const sent: Uint8Array[] = []
  const outlet = (_type: number, payload: Uint8Array) => void sent.push(payload)
  return { sender, folder, outbox, unknown, dropped, unstored, sent, outlet }
}

const batchOf = (payload: Uint8Array) => decodeControl(receiptsSchema, payload)
const leasesOf = (payload: Uint8Array) =>
  batchOf(payload).statements.map((text) => parseStatement(fromBase64Url(text))!.lease as LeaseId)
const ack = (leases: readonly LeaseId[], status: 'stored' | 'unknown' = 'stored') => ({
  results: leases.map((lease) => ({ lease, status })),
})

/** Whether this process may mount a file system. */
function canMount(): boolean {
  const disk = mkdtempSync(join(tmpdir(), 'infernet-'))
  if (spawnSync('mount', ['-t', 'tmpfs', 'none', disk]).status !== 0) return false
  execFileSync('umount', [disk])
  return true
}

/** Takes all the room that is left on a disk. */
function fill(path: string): void {
  try {
    for (;;) writeFileSync(path, Buffer.alloc(4_096), { flag: 'a' })
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' })
  }
}

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

  it('sends what cannot be stored all the same, and says so once', () => {
    const { sender, folder, sent, outlet, dropped, unstored } = makeSender()
    sender.connected(outlet)
    rmSync(folder, { recursive: true })
    for (let i = 0; i < 3; i++) {
      sender.add(statement())
      vi.advanceTimersByTime(RECEIPT_BATCH_DELAY_MS)
    }
    expect(sent).toHaveLength(3)
    expect(sender.waiting).toBe(3)
    for (const payload of sent) sender.acknowledge(ack(leasesOf(payload)))
    expect(sender.isIdle).toBe(true)
    expect(unstored).toEqual([expect.stringContaining('ENOENT')])
    sender.close()
    expect(dropped).toEqual([])
  })

  it('stores what it could not when it can, and sends each once', () => {
    const { sender, folder, outbox, sent, outlet, unstored } = makeSender()
    sender.connected(outlet)
    rmSync(folder, { recursive: true })
    for (let i = 0; i < MAX_RECEIPT_BATCHES_IN_FLIGHT + 1; i++) {
      sender.add(statement())
      sender.flush()
    }
    sender.disconnected()
    expect([outbox.size, sender.waiting]).toEqual([0, MAX_RECEIPT_BATCHES_IN_FLIGHT + 1])
    mkdirSync(folder)
    vi.advanceTimersByTime(RECEIPT_STORE_RETRY_MS)
    expect([outbox.size, sender.waiting]).toEqual([5, 5])
    expect(new Outbox(folder, 100).size).toBe(5)
    const before = sent.splice(0)
    sender.connected(outlet)
    for (let i = 0; i < 5; i++) sender.acknowledge(ack(leasesOf(sent[i]!)))
    expect(sent).toHaveLength(5)
    expect(sent.slice(0, 4).map(leasesOf)).toEqual(before.map(leasesOf))
    expect(sender.isIdle).toBe(true)
    rmSync(folder, { recursive: true })
    sender.add(statement())
    sender.flush()
    expect(unstored).toHaveLength(2)
  })

  it('leaves alone what is under way, so that nothing is sent twice', () => {
    const { sender, folder, outbox, sent, outlet } = makeSender()
    sender.connected(outlet)
    rmSync(folder, { recursive: true })
    sender.add(statement())
    sender.flush()
    mkdirSync(folder)
    vi.advanceTimersByTime(RECEIPT_STORE_RETRY_MS)
    expect([outbox.size, sent.length]).toEqual([0, 1])
    sender.acknowledge(ack(leasesOf(sent[0]!)))
    expect(sender.isIdle).toBe(true)
  })

  it('keeps so many in memory and no more, and tells of those that go', () => {
    const { sender, folder, dropped, sent, outlet } = makeSender()
    rmSync(folder, { recursive: true })
    for (let i = 0; i < MAX_UNSTORED_BATCHES + 2; i++) {
      sender.add(statement())
      sender.flush()
    }
    expect(dropped).toEqual([1, 1])
    expect(sender.waiting).toBe(MAX_UNSTORED_BATCHES)
    sender.connected(outlet)
    expect(sent).toHaveLength(MAX_RECEIPT_BATCHES_IN_FLIGHT)
    sender.close()
    expect(dropped).toEqual([1, 1, MAX_UNSTORED_BATCHES])
    expect(sender.waiting).toBe(0)
  })

  it.skipIf(!canMount())('gets a receipt through on a disk that is full (needs root)', () => {
    const disk = mkdtempSync(join(tmpdir(), 'infernet-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk])
    try {
      const { sender, outbox, sent, outlet, unstored } = makeSender(100, join(disk, 'outbox'))
      sender.connected(outlet)
      fill(join(disk, 'fill'))
      sender.add(statement())
      sender.flush()
      expect(unstored).toEqual([expect.stringContaining('ENOSPC')])
      expect([sent.length, outbox.size, sender.waiting]).toEqual([1, 0, 1])
      sender.disconnected()
      unlinkSync(join(disk, 'fill'))
      vi.advanceTimersByTime(RECEIPT_STORE_RETRY_MS)
      expect(outbox.size).toBe(1)
      sender.connected(outlet)
      expect(leasesOf(sent[1]!)).toEqual(leasesOf(sent[0]!))
    } finally {
      execFileSync('umount', [disk])
    }
  })

  it('leaves what another key has signed where it is: no edge would take it, and each would hang up', () => {
    const folder = newFolder()
    const { identity: other } = loadIdentity(join(directory, 'other.pem'))
    const before = makeSender(100, folder, other)
    for (let i = 0; i < 3; i++) {
      before.sender.add(statement(other.peer))
      before.sender.flush()
    }
    const ours = makeSender(100, folder)
    ours.sender.add(statement())
    ours.sender.flush()
    ours.sender.connected(ours.outlet)
    expect(ours.sent.flatMap(leasesOf)).toHaveLength(1)
    ours.sender.acknowledge(ack(leasesOf(ours.sent[0]!)))
    expect([ours.sender.isIdle, ours.dropped]).toEqual([true, []])
    const again = makeSender(100, folder, other)
    again.sender.connected(again.outlet)
    expect(again.sent).toHaveLength(3)
  })

  it('signs nothing that no edge would take, and sends no such thing that was stored before', () => {
    const folder = newFolder()
    const other = newJobId(1)
    const wrong = [
      { ...statement(), lease: leaseOf(other, 1) },
      { ...statement(), started_at: -1 },
      { ...statement(), usage: { prompt_tokens: 0.5, completion_tokens: 1 } },
    ]
    // As an agent without this care has left it.
    const encoded = [statement(), wrong[0]!].map(encodeStatement)
    const batch = {
      signature: toBase64Url(identity.sign(batchToSign(encoded))),
      statements: encoded.map(toBase64Url),
    }
    new Outbox(folder, 100).put(encodeControl(batch), ['a', 'b'])
    const { sender, sent, outlet, dropped } = makeSender(100, folder)
    for (const one of wrong) sender.add(one)
    sender.add(statement())
    sender.flush()
    sender.connected(outlet)
    expect(sent.map((payload) => leasesOf(payload).length)).toEqual([1])
    expect(dropped).toEqual([1, 1, 1])
    sender.acknowledge(ack(leasesOf(sent[0]!)))
    expect(sender.isIdle).toBe(true)
  })

  it('tells of no unknown lease that it has claimed nothing for', () => {
    const { sender, sent, outlet, unknown } = makeSender()
    sender.connected(outlet)
    sender.add(statement())
    sender.flush()
    const [ours] = leasesOf(sent[0]!)
    const never = leaseOf(newJobId(1), 1)
    sender.acknowledge(ack([never, never], 'unknown'))
    expect(unknown).toEqual([])
    sender.acknowledge(ack([ours!, ours!], 'unknown'))
    expect(unknown).toEqual([ours])
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
