import { newJobId } from '@infernet/schemas/ids'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { describe, expect, it } from 'vitest'
import { newProviderKey } from '../testing/fake-provider.ts'
import { jobDone } from './job-done.ts'

const RUN = newJobId(1)
const PROVIDER = newProviderKey().peer
const answered = (body: unknown) =>
  jobDone({ kind: 'json', provider: PROVIDER, body: encodeUtf8(JSON.stringify(body)) }, RUN)
const verified = (verdict: string) => ({
  usage: { total_tokens: 3 },
  infernet: { verification: { verdict, log_e: null, reason: 'why', lease: null, spec: null } },
})

describe('a run of a job of a fixed price', () => {
  it.each(['pass', 'inconclusive'])('is done when its verdict is %s', (verdict) => {
    const result = JSON.stringify(verified(verdict))
    expect(answered(verified(verdict))).toEqual({ provider: PROVIDER, result })
  })

  it.each(['unopened', 'pending'])('is not done when its verdict is %s', (verdict) => {
    expect(answered(verified(verdict))).toMatchObject({
      code: 'verification_failed',
      message: expect.stringMatching(`\\(why\\).*${RUN}`),
    })
  })

  it.each([
    ['no tokens', { usage: { total_tokens: 0 } }],
    ['no usage', {}],
    ['no object', 7],
  ])('is not done with %s in its answer', (_, body) => {
    expect(answered(body)).toMatchObject({ code: 'provider_failed' })
  })
})
