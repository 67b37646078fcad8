import { COMPONENTS } from '@infernet/openai-compat/openapi/components'
import { signPayout } from '@infernet/schemas/payout-statement'
import { describe, expect, it } from 'vitest'
import { errorOf } from '../testing/error-answer.ts'
import { modelOffer, newProviderKey } from '../testing/fake-provider.ts'
import { startEdge } from '../testing/test-edge.ts'

const price = (prompt: number, completion: number) => ({ price: { prompt, completion } })

describe('GET /v1/models', () => {
  it('lists what is served, sorted, with the cheapest provider’s prices', async () => {
    const edge = await startEdge()
    await edge.provider({ models: [modelOffer('b', price(300, 2_000_000))] })
    await edge.provider({ models: [modelOffer('b', price(1_500_000, 70)), modelOffer('a')] })
    const response = await edge.request('/v1/models')
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
    expect(await response.json()).toMatchObject({
      object: 'list',
      data: [
        { id: 'a', pricing: { prompt: '1', completion: '2' }, providers: 1 },
        {
          id: 'b',
          object: 'model',
          created: edge.clock.now() / 1000,
          owned_by: 'infernet',
          context_length: 1000,
          pricing: { prompt: '0.0003', completion: '0.00007' },
          providers: 2,
        },
      ],
    })
  })

  it.each([
    [0, '0'],
    [1, '0.000001'],
    [10, '0.00001'],
    [1_000_000, '1'],
    [1_500_000, '1.5'],
    [10_000_000, '10'],
    [123_456_789, '123.456789'],
    [1e12, '1000000'],
  ])('writes a price of %i msat per million tokens as %s per token', async (prompt, expected) => {
    const edge = await startEdge()
    await edge.provider({ models: [modelOffer('m', { price: { prompt, completion: 0 } })] })
    const body = (await (await edge.request('/v1/models/m')).json()) as { pricing: object }
    expect(body.pricing).toMatchObject({ prompt: expected, completion: '0' })
  })

  it('finds a model whose id has slashes, however they are written', async () => {
    const edge = await startEdge()
    await edge.provider({ models: [modelOffer('org/model:7b')] })
    for (const path of ['org/model:7b', 'org%2Fmodel%3A7b']) {
      expect(await (await edge.request(`/v1/models/${path}`)).json()).toMatchObject({
        id: 'org/model:7b',
      })
    }
  })

  it('answers 404 and what is served instead', async () => {
    const edge = await startEdge()
    await edge.provider()
    const error = await errorOf(await edge.request('/v1/models/nope'))
    expect(error).toMatchObject({ status: 404, code: 'model_not_found' })
    expect(error.message).toContain('Served now: tiny.')
  })

  it.each(['b', 'org/model:7b', 'endpoints'])('says who serves %s', async (model) => {
    const edge = await startEdge()
    const [cheap, dear] = [
      await edge.provider({ models: [modelOffer(model, price(300, 70))] }),
      await edge.provider({ models: [modelOffer(model, price(1_000_000, 2_000_000))] }),
    ]
    for (const path of [`/v1/models/${model}`, `/models/${encodeURIComponent(model)}`]) {
      const body: unknown = await (await edge.request(`${path}/endpoints`)).json()
      const { data } = COMPONENTS.ModelEndpoints.parse(body)
      expect({ data }).toEqual(body)
      expect(data.id).toBe(model)
      const names = data.endpoints.map((endpoint) => endpoint.provider_name)
      expect(names).toEqual([cheap.peer, dear.peer].toSorted())
    }
  })

  it('tells nobody where a provider’s money goes', async () => {
    const edge = await startEdge()
    const address = 'secret@wallet.example'
    const key = newProviderKey()
    const payout = signPayout(key, { to: { kind: 'lightning_address', address } }, 1)
    const { peer } = await edge.provider({ payout }, key)
    for (const path of ['/v1/models', '/v1/models/tiny', '/v1/models/tiny/endpoints', '/metrics']) {
      const text = await (await edge.request(path)).text()
      expect(text).not.toMatch(/wallet|payout/)
    }
    expect(JSON.stringify(edge.log)).not.toMatch(/wallet|payout/)
    expect(edge.store.seen).toMatchObject([{ provider: peer, capability: { payout } }])
  })

  it('answers 404 for the endpoints of a model that nobody serves', async () => {
    const edge = await startEdge()
    await edge.provider()
    const error = await errorOf(await edge.request('/v1/models/nope/endpoints'))
    expect(error).toMatchObject({ status: 404, code: 'model_not_found' })
    expect(error.message).toContain("'nope'")
  })

  it.each(['/v1/models', '/v1/models/tiny', '/v1/models/tiny/endpoints'])(
    'needs a key at %s',
    async (path) => {
      const edge = await startEdge()
      await edge.provider()
      expect(await errorOf(await edge.request(path, { key: 'no' }))).toMatchObject({ status: 401 })
    },
  )
})
