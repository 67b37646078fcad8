import { countersign, verifyCountersignature } from '@infernet/schemas/delivery-statement'
import { newJobId } from '@infernet/schemas/ids'
import { expect, it } from 'vitest'
import { edgeKey } from './edge-key.ts'

it('is the same key on Workers, and signs there', async () => {
  const signer = await edgeKey(new Uint8Array(32).fill(9))
  expect(signer.peer).toBe('12D3KooWKCmAtdoMjaeJxsCDqNeLEKoPJVpQP7m4TRChX9crwVbr')
  const made = await countersign(signer, {
    v: 1,
    job: newJobId(1),
    lease: null,
    provider: null,
    model: 'm',
    status: 'failed',
    finish_reason: null,
    usage: { prompt_tokens: 0, completion_tokens: 0 },
    cost_msat: '0',
    prior_legs: [],
    created: 1,
    first_byte_ms: null,
    total_ms: 1,
    receipt_sha256: null,
  })
  expect(await verifyCountersignature(made, signer.peer)).toMatchObject({ ok: true })
})
