import { describe, expect, it } from 'vitest'
import {
  countersign,
  deliveryToSign,
  verifyCountersignature,
  type DeliverySigner,
  type DeliveryStatement,
} from './delivery-statement.ts'
import { leaseOf, newJobId } from './ids.ts'
import { fromBase64Url, toBase64Url } from './receipt.ts'
import { newSigner } from './testing/signer.ts'
import { encodeUtf8 } from './utf8.ts'

const asSigner = ({ peer, sign } = newSigner()): DeliverySigner => ({
  peer,
  sign: async (message) => sign(message),
})
const edge = asSigner()
const job = newJobId(1)
const said: Omit<DeliveryStatement, 'issuer'> = {
  v: 1,
  job,
  lease: leaseOf(job, 1),
  provider: newSigner().peer,
  model: 'm',
  status: 'completed',
  finish_reason: 'stop',
  usage: { prompt_tokens: 3, completion_tokens: 5 },
  cost_msat: '16',
  prior_legs: [],
  created: 7,
  first_byte_ms: 1,
  total_ms: 2,
  receipt_sha256: 'ab'.repeat(32),
}

describe('a countersigned delivery', () => {
  it('holds as it was signed, and is the same whenever the same is said', async () => {
    const made = await countersign(edge, said)
    expect(await countersign(edge, { ...said })).toEqual(made)
    const read = JSON.parse(JSON.stringify(made)) as typeof made
    expect(await verifyCountersignature(read, edge.peer)).toEqual({
      ok: true,
      statement: { ...said, issuer: edge.peer },
    })
  })

  it('holds for no other statement, signature, issuer or edge', async () => {
    const made = await countersign(edge, said)
    const dearer = await countersign(asSigner(), { ...said, cost_msat: '17' })
    const reason = async (...args: Parameters<typeof verifyCountersignature>) => {
      const verdict = await verifyCountersignature(...args)
      return verdict.ok ? undefined : verdict.reason
    }
    expect(await reason(dearer, edge.peer)).toBe('issuer')
    expect(await reason({ ...dearer, issuer: edge.peer })).toBe('issuer')
    const forged = JSON.stringify({ ...said, cost_msat: '17', issuer: edge.peer })
    expect(await reason({ ...made, statement: toBase64Url(encodeUtf8(forged)) })).toBe('signature')
    expect(await reason({ ...made, signature: dearer.signature })).toBe('signature')
    expect(await reason({ ...made, statement: toBase64Url(encodeUtf8('{}')) })).toBe('malformed')
  })

  it('is signed as nothing else is', async () => {
    const made = await countersign(edge, said)
    const bare = await edge.sign(fromBase64Url(made.statement))
    expect(await verifyCountersignature({ ...made, signature: toBase64Url(bare) })).toMatchObject({
      ok: false,
      reason: 'signature',
    })
    expect(Buffer.from(deliveryToSign(encodeUtf8('x'))).toString()).toBe('infernet/delivery/1\0x')
  })
})
