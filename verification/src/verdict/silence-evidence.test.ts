import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { specIdOf } from '@infernet/schemas/model-spec'
import {
  batchToSign,
  encodeStatement,
  splitBatch,
  toBase64Url,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import { newSigner } from '@infernet/schemas/testing/signer'
import { describe, expect, it } from 'vitest'
import { claimOf, DRAWN_SPEC, drawnAnswer } from '../testing/drawn-answer.ts'
import { openSilence, silenceEvidenceOf } from './silence-evidence.ts'

const provider = newSigner()
const SAMPLER = { temperature: 0, top_k: 1, top_p: 1, min_p: 0, seed: '7' }
const answer = drawnAnswer(SAMPLER, 4)
const claim = claimOf(answer, SAMPLER, specIdOf(DRAWN_SPEC))

function refused(more: Partial<ReceiptStatement> = {}, by = provider) {
  const job = newJobId(0)
  const usage = { prompt_tokens: 5, completion_tokens: 4 }
  const statement = {
    v: 1 as const,
    job,
    lease: leaseOf(job, 1),
    provider: by.peer,
    model: 'demo',
    engine: 'fake',
    usage,
    price: { prompt: 1, completion: 1 },
    finish_reason: 'stop',
    output_sha256: '00'.repeat(32),
    output_bytes: 1,
    claim,
    started_at: 0,
    ended_at: 0,
    ...more,
  }
  const statements = [encodeStatement(statement)]
  const signature = toBase64Url(by.sign(batchToSign(statements)))
  const { receipts } = splitBatch({ statements: statements.map(toBase64Url), signature })
  if (receipts[0] === undefined) throw new Error('no receipt')
  return { receipt: receipts[0].receipt, asked_at: 5 }
}

const three = [refused(), refused(), refused()] as const
const open = (refusals: readonly ReturnType<typeof refused>[]) =>
  openSilence(silenceEvidenceOf(DRAWN_SPEC, refusals))

describe('evidence of silence', () => {
  it('names whose answers were not shown, and when they were asked for', async () => {
    const silence = await open(three)
    expect(silence).toMatchObject({ provider: provider.peer, spec: specIdOf(DRAWN_SPEC) })
    expect(silence?.refused.map(({ askedAt }) => askedAt)).toEqual([5, 5, 5])
  })

  const other = newSigner()
  const forged = {
    ...three[1],
    receipt: { ...three[1].receipt, signature: three[0].receipt.signature },
  }
  it.each([
    ['two answers', 'malformed', [three[0], three[1]]],
    ['one answer twice', 'malformed', [three[0], three[1], three[1]]],
    ['a receipt that was not signed so', 'receipt', [three[0], forged, three[2]]],
    ['receipts of several providers', 'receipt', [three[0], three[1], refused({}, other)]],
    [
      'a receipt of another spec',
      'spec',
      [three[0], three[1], refused({ claim: { ...claim, spec: '00'.repeat(32) } })],
    ],
    [
      'a receipt that commits to nothing',
      'unclaimed',
      [three[0], three[1], refused({ claim: undefined })],
    ],
  ])('is none with %s', async (_what, code, refusals) => {
    await expect(open(refusals)).rejects.toMatchObject({ code })
  })

  it('is told from other evidence', async () => {
    expect(await openSilence('{"v":1}')).toBeUndefined()
    expect(await openSilence('not JSON')).toBeUndefined()
  })
})
