import { afterEach, describe, expect, it, vi } from 'vitest'
import { Api } from './api.ts'
import type { TopUp } from './api-types.ts'

const KEY = 'sk-inf-0123456789abcdef-secret'

function apiWith(answer: () => Response | Promise<Response>) {
  const asked: { url: string; init: RequestInit }[] = []
  const abort = new AbortController()
  const fetcher = (async (url: string, init: RequestInit) => {
    asked.push({ url, init })
    init.signal?.throwIfAborted()
    return answer()
  }) as typeof fetch
  return { api: new Api(KEY, abort.signal, fetcher), asked, abort }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('Api', () => {
  it('sends the key in a header of a request to this server, and nowhere else', async () => {
    const { api, asked } = apiWith(() => Response.json({ id: 'top_1' }))
    await api.orderTopUp({ amount_msat: '1000' }, 'once')
    const [{ url, init }] = asked as [(typeof asked)[number]]
    expect(url).toBe('/v1/billing/topups')
    expect(init).toMatchObject({ method: 'POST', credentials: 'omit', redirect: 'error' })
    expect(new Headers(init.headers).get('authorization')).toBe(`Bearer ${KEY}`)
    expect(new Headers(init.headers).get('idempotency-key')).toBe('once')
    expect(init.body).toBe('{"amount_msat":"1000"}')
  })

  it('reads events as they come', async () => {
    const text = ': waiting\n\ndata: {"status":"open"}\n\ndata: {"status":"settled"}\n\n'
    const { api } = apiWith(() => new Response(text))
    const events: TopUp[] = []
    const { signal } = new AbortController()
    for await (const event of api.topUpEvents('top_1', signal)) events.push(event)
    expect(events).toEqual([{ status: 'open' }, { status: 'settled' }])
  })

  it.each(['nothing came', 'nothing more came', 'nobody wants it'])(
    'leaves a stream of which %s',
    async (why) => {
      vi.useFakeTimers()
      const leaving = new AbortController()
      const { api, asked } = apiWith(() => {
        const body = new ReadableStream({
          start(controller) {
            const text = 'data: {"status":"open"}\n\n'
            if (why !== 'nothing came') controller.enqueue(new TextEncoder().encode(text))
            const { signal } = asked[0]!.init
            signal!.addEventListener('abort', () => controller.error(signal!.reason))
          },
        })
        return new Response(body)
      })
      const events = api.topUpEvents('top_1', leaving.signal)
      if (why !== 'nothing came') await events.next()
      const next = expect(events.next()).rejects.toThrow()
      if (why === 'nobody wants it') leaving.abort()
      else await vi.advanceTimersByTimeAsync(why === 'nothing came' ? 5_000 : 25_000)
      await next
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  it.each([
    ['nobody answers', () => Promise.reject(new TypeError('fetch failed')), 'unreachable'],
    ['the answer breaks off', () => new Response('{"da'), 'unreachable'],
    ['a proxy answers', () => new Response('<html>', { status: 504 }), 'http_504'],
  ])('has one kind of error: %s', async (_, answer, code) => {
    await expect(apiWith(answer).api.credits()).rejects.toMatchObject({ name: 'ApiProblem', code })
  })

  it('asks nothing any more once it is signed out', async () => {
    const { api, abort } = apiWith(() => Response.json({ data: {} }))
    abort.abort()
    await expect(api.keyInfo()).rejects.toMatchObject({ code: 'unreachable' })
  })
})
