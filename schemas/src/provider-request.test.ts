import { describe, expect, it } from 'vitest'
import { readSignedRequest, REQUEST_HEADERS, signedHeaders } from './provider-request.ts'
import { newSigner } from './testing/signer.ts'

const signer = newSigner()
const NOW = 1_800_000_000_000
const FIVE_MINUTES = 300_000
const read = (headers: Record<string, string>, about = 'job_1', now = NOW) =>
  readSignedRequest((name) => headers[name], about, now)

describe('a request that a provider signs', () => {
  const headers = signedHeaders(signer, 'job_1', NOW)

  it('says whose it is, for five minutes either way', async () => {
    for (const skew of [0, FIVE_MINUTES, -FIVE_MINUTES]) {
      expect(await read(headers, 'job_1', NOW + skew)).toEqual({ ok: true, peer: signer.peer })
    }
    for (const skew of [FIVE_MINUTES + 1, -FIVE_MINUTES - 1]) {
      expect(await read(headers, 'job_1', NOW + skew)).toEqual({ ok: false, fault: 'time' })
    }
  })

  it('is good for nothing else, no other time and no other provider', async () => {
    const bad = { ok: false, fault: 'signature' }
    expect(await read(headers, 'job_2')).toEqual(bad)
    expect(await read({ ...headers, [REQUEST_HEADERS.at]: String(NOW + 1) })).toEqual(bad)
    const other = newSigner().peer
    expect(await read({ ...headers, [REQUEST_HEADERS.peer]: other })).toEqual(bad)
  })

  it('is none without a signature, and malformed in parts', async () => {
    expect(await read({})).toBeUndefined()
    for (const name of Object.values(REQUEST_HEADERS)) {
      const broken = { ...headers, [name]: '!' }
      expect(await read(broken)).toEqual({ ok: false, fault: 'malformed' })
    }
    const { [REQUEST_HEADERS.peer]: _, ...nameless } = headers
    expect(await read(nameless)).toEqual({ ok: false, fault: 'malformed' })
  })
})
