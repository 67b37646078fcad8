import {
  receiptHash,
  verifyCountersignature,
  type Countersignature,
} from '@infernet/schemas/delivery-statement'
import { newAccountId, newJobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { signedHeaders } from '@infernet/schemas/provider-request'
import type { SignedReceipt } from '@infernet/schemas/receipt'
import { verifyReceipt } from '@infernet/schemas/receipt'
import { newSigner } from '@infernet/schemas/testing/signer'
import { describe, expect, it } from 'vitest'
import { QUEUE_WAIT_MS, RECEIPT_WAIT_MS } from '../limits.ts'
import { answerJson, completion } from '../testing/answers.ts'
import type { ProviderKey } from '../testing/fake-provider.ts'
import { errorOf } from '../testing/error-answer.ts'
import { startEdge } from '../testing/test-edge.ts'

/** A job that has been answered and settled, and its provider. */
async function answered() {
  const edge = await startEdge()
  const provider = await edge.provider()
  const answer = edge.chat()
  const job = await provider.jobs.next()
  answerJson(job)
  const id = (await answer).headers.get('x-infernet-job')!
  return { edge, provider, job, id }
}

describe('GET /v1/receipts/{job}', () => {
  it('shows what was billed and the statement that the provider signed', async () => {
    const { edge, provider, job, id } = await answered()
    provider.sendReceipts([job.statement()])
    await provider.acks.next()
    const response = await edge.request(`/v1/receipts/${id}`)
    const receipt = (await response.json()) as { signed: SignedReceipt }
    expect(receipt).toMatchObject({
      id,
      object: 'receipt',
      model: 'tiny',
      status: 'completed',
      finish_reason: 'stop',
      error_code: null,
      provider: provider.peer,
      lease: job.header.lease,
      attempts: 1,
      usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 },
      cost_msat: '16',
      statement: { job: id, provider: provider.peer },
    })
    expect(await verifyReceipt(receipt.signed)).toMatchObject({ ok: true })
  })

  it('countersigns it, the same bytes each time, by the key that anybody may see', async () => {
    const { edge, provider, job, id } = await answered()
    provider.sendReceipts([job.statement()])
    await provider.acks.next()
    const look = async () =>
      (await (await edge.request(`/v1/receipts/${id}`)).json()) as {
        signed: SignedReceipt
        countersigned: Countersignature
      }
    const { signed, countersigned } = await look()
    expect((await look()).countersigned).toEqual(countersigned)
    const open = await edge.fetch(new Request('http://edge.test/v1/edge-key'))
    const { issuer } = (await open.json()) as { issuer: PeerId }
    expect(await verifyCountersignature(countersigned, issuer)).toEqual({
      ok: true,
      statement: {
        v: 1,
        job: id,
        lease: job.header.lease,
        provider: provider.peer,
        model: 'tiny',
        status: 'completed',
        finish_reason: 'stop',
        usage: { prompt_tokens: 10, completion_tokens: 3 },
        cost_msat: '16',
        prior_legs: [],
        created: Math.floor(edge.record.createdAt / 1000),
        first_byte_ms: 0,
        total_ms: 0,
        receipt_sha256: receiptHash(signed),
        issuer,
      },
    })
  })

  it('countersigns a bill alone, when nobody else has signed anything', async () => {
    const { edge, id } = await answered()
    const response = edge.request(`/v1/receipts/${id}`)
    await new Promise(setImmediate)
    edge.clock.advance(RECEIPT_WAIT_MS)
    const { countersigned } = (await (await response).json()) as { countersigned: Countersignature }
    expect(await verifyCountersignature(countersigned)).toMatchObject({
      ok: true,
      statement: { job: id, receipt_sha256: null },
    })
  })

  it('is for its provider too, by a signed request, and for no other', async () => {
    const { edge, provider, id } = await answered()
    await edge.accounts.flush()
    const signed = (
      signer: Pick<ProviderKey, 'peer' | 'sign'>,
      about = id,
      at = edge.clock.now(),
    ) =>
      edge.fetch(
        new Request(`http://edge.test/v1/receipts/${id}`, {
          headers: signedHeaders(signer, about, at),
        }),
      )
    const own = await signed(provider.key)
    expect(await own.json()).toMatchObject({ id, provider: provider.peer })
    expect((await signed(newSigner())).status).toBe(404)
    for (const bad of [
      await signed(provider.key, newJobId(1)),
      await signed(provider.key, id, edge.clock.now() - 301_000),
    ]) {
      expect(await errorOf(bad)).toMatchObject({ status: 401, code: 'invalid_signature' })
    }
  })

  it('is for the operator, whosever it is', async () => {
    const { edge, id } = await answered()
    await edge.accounts.flush()
    const own = await edge.operate(`/operator/receipts/${id}`, undefined, 'GET')
    expect(await own.json()).toMatchObject({ id, object: 'receipt', cost_msat: '16' })
    const none = await edge.operate(`/operator/receipts/${newJobId(1)}`, undefined, 'GET')
    expect(none.status).toBe(404)
    expect((await edge.request(`/operator/receipts/${id}`)).status).toBe(404)
  })

  it('waits a moment for a provider that has not signed yet', async () => {
    const { edge, provider, job, id } = await answered()
    const response = edge.request(`/v1/receipts/${id}`)
    provider.sendReceipts([job.statement()])
    expect(await (await response).json()).toMatchObject({ statement: { job: id } })
  })

  it('shows the bill alone when the provider does not sign', async () => {
    const { edge, id } = await answered()
    const response = edge.request(`/v1/receipts/${id}`)
    await new Promise(setImmediate)
    edge.clock.advance(RECEIPT_WAIT_MS)
    expect(await (await response).json()).toMatchObject({ id, signed: null, statement: null })
  })

  it('does not wait for a job that no provider has run', async () => {
    const edge = await startEdge()
    const provider = await edge.provider({ slots: 1 })
    const running = edge.chat()
    const job = (await provider.jobs.next()).begin()
    const waiting = edge.chat()
    await new Promise(setImmediate)
    edge.clock.advance(QUEUE_WAIT_MS)
    await waiting
    const [refused] = edge.records
    const response = await edge.request(`/v1/receipts/${refused!.id}`)
    expect(await response.json()).toMatchObject({
      status: 'failed',
      error_code: 'queue_timeout',
      cost_msat: '0',
    })
    job.data(completion('late')).end()
    await running
  })

  it('denies other accounts’ jobs, unknown ones and what is no id', async () => {
    const { edge, id } = await answered()
    const stranger = edge.addKey(newAccountId(edge.clock.now()))
    for (const [path, key] of [
      [id, stranger],
      [newJobId(1), edge.key],
      ['latest', edge.key],
    ] as const) {
      const error = await errorOf(await edge.request(`/v1/receipts/${path}`, { key }))
      expect(error).toMatchObject({ status: 404, code: 'receipt_not_found', param: 'id' })
    }
    expect((await edge.request(`/v1/receipts/${id}`, { key: 'no' })).status).toBe(401)
  })
})
