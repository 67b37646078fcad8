import { createHash } from 'node:crypto'
import {
  countersign,
  type DeliverySigner,
  type DeliveryStatement,
} from '@infernet/schemas/delivery-statement'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import {
  batchToSign,
  encodeStatement,
  splitBatch,
  toBase64Url,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import { newSigner } from '@infernet/schemas/testing/signer'
import { describe, expect, it } from 'vitest'
import { verifyWhole, wholeReceiptSchema, type WholeReceipt } from './whole-receipt.ts'

const provider = newSigner()
const edgeKey = newSigner()
const edge: DeliverySigner = { peer: edgeKey.peer, sign: async (bytes) => edgeKey.sign(bytes) }
const job = newJobId(1)
const statement: ReceiptStatement = {
  v: 1,
  job,
  lease: leaseOf(job, 1),
  provider: provider.peer,
  model: 'm',
  engine: 'tiny',
  usage: { prompt_tokens: 3, completion_tokens: 5 },
  price: { prompt: 1, completion: 1 },
  finish_reason: 'stop',
  output_sha256: '0'.repeat(64),
  output_bytes: 1,
  started_at: 0,
  ended_at: 1,
}

/** What an edge answers when the one has signed `claimed`, and the other `said`. */
async function answered(
  said: Partial<DeliveryStatement> = {},
  claimed: Partial<ReceiptStatement> = {},
): Promise<WholeReceipt> {
  const bytes = encodeStatement({ ...statement, ...claimed })
  const signature = toBase64Url(provider.sign(batchToSign([bytes])))
  const { receipts } = splitBatch({ signature, statements: [toBase64Url(bytes)] })
  const countersigned = await countersign(edge, {
    v: 1,
    job,
    lease: statement.lease,
    provider: provider.peer,
    model: 'm',
    status: 'completed',
    finish_reason: 'stop',
    usage: { prompt_tokens: 3, completion_tokens: 5 },
    cost_msat: '8',
    prior_legs: [],
    created: 1,
    first_byte_ms: 1,
    total_ms: 2,
    receipt_sha256: createHash('sha256').update(bytes).digest('hex'),
    ...said,
  })
  const signed = receipts[0]!.receipt
  const answer = { object: 'receipt', id: job, lease: statement.lease, signed, countersigned }
  return wholeReceiptSchema.parse(JSON.parse(JSON.stringify(answer)))
}

const verdictsOf = async (receipt: WholeReceipt) =>
  Object.fromEntries((await verifyWhole(receipt)).compared.map((row) => [row.what, row.verdict]))

describe('a whole receipt', () => {
  it('holds when both have signed the same', async () => {
    const receipt = await answered()
    const verdict = await verifyWhole(receipt, edge.peer)
    expect(verdict.ok).toBe(true)
    expect(new Set(Object.values(await verdictsOf(receipt)))).toEqual(new Set(['agrees']))
  })

  it('does not when one of the signatures does not', async () => {
    const receipt = await answered()
    const { signed, countersigned } = receipt
    const signature = toBase64Url(provider.sign(new Uint8Array(1)))
    const forged = { ...receipt, signed: { ...signed!, signature } }
    expect(await verifyWhole(forged)).toMatchObject({ ok: false, provider: { ok: false } })
    const other = { ...receipt, countersigned: { ...countersigned!, signature } }
    expect(await verifyWhole(other)).toMatchObject({ ok: false, edge: { ok: false } })
    const pinned = await verifyWhole(receipt, newSigner().peer)
    expect(pinned).toMatchObject({ ok: false, edge: { reason: 'issuer' } })
  })

  it.each([
    ['lease', { lease: leaseOf(job, 2) }, {}],
    ['provider', { provider: newSigner().peer }, {}],
    ['model', { model: 'another' }, {}],
    ['signed statement', { receipt_sha256: '00'.repeat(32) }, {}],
    ['completion tokens', { usage: { prompt_tokens: 3, completion_tokens: 6 } }, {}],
  ])('does not when they contradict each other: %s', async (what, said, claimed) => {
    const receipt = await answered(said, claimed)
    expect((await verifyWhole(receipt)).ok).toBe(false)
    const { [what]: verdict, ...others } = await verdictsOf(receipt)
    expect(verdict).toBe('contradicts')
    expect(Object.values(others)).not.toContain('contradicts')
  })

  it('does when less was billed than claimed, or of an answer that was cut', async () => {
    const less = await answered({ usage: { prompt_tokens: 3, completion_tokens: 4 } })
    expect((await verifyWhole(less)).ok).toBe(true)
    expect(await verdictsOf(less)).toMatchObject({ 'completion tokens': 'differs' })
    const usage = { prompt_tokens: 9, completion_tokens: 5 }
    const cut = await answered({ status: 'cancelled', finish_reason: null, usage })
    expect((await verifyWhole(cut)).ok).toBe(true)
    expect(await verdictsOf(cut)).toMatchObject({
      'prompt tokens': 'differs',
      'finish reason': 'differs',
    })
  })

  it('takes the parts of others from the bill', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 12 }
    const leg = { lease: leaseOf(job, 2), provider: newSigner().peer, cost_msat: '1' }
    const part = { prompt_tokens: 0, completion_tokens: 7 }
    const receipt = await answered({ usage, prior_legs: [{ ...leg, usage: part }] })
    expect(await verdictsOf(receipt)).toMatchObject({ 'completion tokens': 'agrees' })
  })

  it('needs the provider’s signature where there was one, and the edge’s where it is pinned', async () => {
    const receipt = await answered()
    expect((await verifyWhole({ ...receipt, signed: null })).ok).toBe(false)
    const refused = await answered({ lease: null, provider: null, receipt_sha256: null })
    const alone = { ...refused, lease: null, signed: null }
    expect((await verifyWhole(alone)).ok).toBe(true)
    expect((await verifyWhole({ ...alone, countersigned: null })).ok).toBe(false)
    const bare = { ...receipt, countersigned: null }
    expect((await verifyWhole(bare)).ok).toBe(true)
    expect((await verifyWhole(bare, edge.peer)).ok).toBe(false)
  })

  it('is of the job that it is called by', async () => {
    expect((await verifyWhole({ ...(await answered()), id: newJobId(2) })).ok).toBe(false)
  })
})
