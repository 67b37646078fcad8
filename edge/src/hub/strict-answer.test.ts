import { finishChunk, usageChunk } from '@infernet/openai-compat/chat-chunk'
import { encodeData } from '@infernet/openai-compat/sse-encoder'
import { makeUsage } from '@infernet/openai-compat/usage'
import { newJobId, newRequestId, type ApiKeyId } from '@infernet/schemas/ids'
import { specIdOf } from '@infernet/schemas/model-spec'
import { claimOf, DRAWN_SPEC, drawnAnswer } from '@infernet/verification/testing/drawn-answer'
import { describe, expect, it } from 'vitest'
import { OPENING_WAIT_MS, SCORE_TIMEOUT_MS } from '../audit/audit-limits.ts'
import type { PricedJobOrder } from '../billing/priced-jobs-port.ts'
import {
  JOB_DEADLINE_MS,
  KEEP_ALIVE_MS,
  RECEIPT_INTERVAL_MS,
  RECEIPT_RETRY_MS,
  VERDICT_WAIT_MS,
} from '../limits.ts'
import { completion, piece, readEvents } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { modelOffer, newProviderKey, type FakeJob } from '../testing/fake-provider.ts'
import { startEdge, type TestEdge, type TestEdgeOptions } from '../testing/test-edge.ts'

const TOKENS = 30
const COST_MSAT = 5 + 2 * TOKENS
const WORDS = Array.from({ length: TOKENS }, (_, i) => `word-${i} `)
const usage = { prompt_tokens: 5, completion_tokens: TOKENS }
const HEAD = { id: 'chatcmpl-1', created: 1_700_000_000, model: 'tiny' }
const ASKED = {
  temperature: 0.8,
  max_completion_tokens: TOKENS,
  stream_options: { include_usage: true },
  provider: { verify: 'strict' },
}
const verifierKey = newProviderKey()
const turn = (): Promise<void> => new Promise(setImmediate)

function answer(job: FakeJob): void {
  const whole = completion(WORDS.join(''), 5, TOKENS).replace('"stop"', '"length"')
  job.begin()
  if (job.header.stream) {
    job.data(piece.role())
    for (const word of WORDS) job.data(piece.text(word))
    job.data(encodeData(finishChunk(HEAD, 'length')))
    job.data(encodeData(usageChunk(HEAD, makeUsage(5, TOKENS))))
  } else job.data(whole)
  job.end({ usage, finish_reason: 'length' })
}

interface AnsweredOptions extends Pick<TestEdgeOptions, 'byteStreams' | 'timeouts'> {
  /** In place of the request. */
  readonly ask?: (edge: TestEdge) => Promise<Response>
}

/** A strict request that its only provider has answered, and how that opens what it has signed. */
async function answered(
  fields: Record<string, unknown> = {},
  init: RequestInit = {},
  { ask, ...options }: AnsweredOptions = {},
) {
  const edge = await startEdge({ verifiers: new Set([verifierKey.peer]), ...options })
  const offer = modelOffer('tiny', {
    spec: DRAWN_SPEC,
    endpoints: ['chat.completions', 'completions'],
  })
  const provider = await edge.provider({ models: [offer] })
  const { stream_options, ...rest } = ASKED
  const asked = { ...rest, ...(fields['stream'] === true ? { stream_options } : {}) }
  const response = ask?.(edge) ?? edge.chat({ ...asked, ...fields }, init)
  const job = await provider.jobs.next()
  answer(job)
  /** As an honest provider, or as one that draws with another seed than it says. */
  const open = async (seed = String(job.header.seed), beforeOpening = () => {}): Promise<void> => {
    const sampler = { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05, seed }
    const transcript = drawnAnswer(sampler, TOKENS)
    const claim = claimOf(transcript, sampler, specIdOf(DRAWN_SPEC))
    const claimed = { ...claim, sampler: { ...sampler, seed: String(job.header.seed) } }
    edge.clock.advance(RECEIPT_INTERVAL_MS)
    provider.sendReceipts([job.statement({ usage, finish_reason: 'length', claim: claimed })])
    await provider.acks.next()
    beforeOpening()
    provider.open(job.header.lease, transcript)
    await turn()
  }
  /** What the client has got until now. */
  const isOpen = async (): Promise<boolean> =>
    (await Promise.race([response.then(() => 'over'), turn()])) !== 'over'
  return { edge, provider, job, response, open, isOpen, lease: job.header.lease }
}

const found = (verification: object) => ({ infernet: { verification } })

describe('a strict answer in one piece', () => {
  it('waits for its verdict, and carries it', async () => {
    const { edge, response, open, isOpen, lease } = await answered()
    expect(await isOpen()).toBe(true)
    expect(edge.hub.verdictsAwaited).toBe(1)
    await open()
    const body = await (await response).json()
    expect(body).toMatchObject({
      usage: { cost: COST_MSAT },
      ...found({ verdict: 'pass', reason: null, lease, spec: specIdOf(DRAWN_SPEC) }),
    })
    expect(edge.record).toMatchObject({ status: 'completed', costMsat: COST_MSAT })
    expect(edge.hub.verdictsAwaited).toBe(0)
  })

  it('that fails is an error, which names the receipt', async () => {
    const { response, open, job } = await answered()
    await open('4')
    const error = await errorOf(await response)
    expect(error).toMatchObject({ status: 502, code: 'verification_failed' })
    expect(error.message).toContain(`/v1/receipts/${job.header.job}`)
    expect(error.message).toContain('not charged')
  })

  it('that nobody opens is delivered, and says so', async () => {
    const { edge, response } = await answered()
    edge.clock.advance(VERDICT_WAIT_MS - 1)
    const body = await (await response).json()
    expect(body).toMatchObject(found({ verdict: 'unopened', reason: expect.any(String) }))
  })

  const storeFailed = (edge: TestEdge) =>
    expect.poll(() => edge.log.map(({ fields }) => fields['operation'])).toContain('storeReceipts')

  it('is not held against its provider while the database is away', async () => {
    const { edge, response, provider, job } = await answered()
    edge.store.down = true
    provider.sendReceipts([job.statement()])
    await storeFailed(edge)
    edge.clock.advance(OPENING_WAIT_MS)
    expect(await (await response).json()).toMatchObject(
      found({ verdict: 'inconclusive', reason: 'receipts are not stored' }),
    )
  })

  it('can be opened as long after it was asked for, however late that was', async () => {
    const { edge, response, open, isOpen } = await answered()
    edge.store.down = true
    const opening = open(undefined, () => edge.clock.advance(VERDICT_WAIT_MS - OPENING_WAIT_MS))
    await storeFailed(edge)
    edge.clock.advance(OPENING_WAIT_MS - 2 * RECEIPT_RETRY_MS)
    for (let i = 0; i < 10; i++) await turn()
    edge.store.down = false
    expect(await isOpen()).toBe(true)
    edge.clock.advance(RECEIPT_RETRY_MS)
    await opening
    expect(await (await response).json()).toMatchObject(found({ verdict: 'pass' }))
  })

  it('is delivered without a verdict when that takes too long', async () => {
    const { edge, response, open, isOpen } = await answered()
    const models = [modelOffer('tiny', { spec: DRAWN_SPEC })]
    await edge.provider({ role: 'verifier', models }, verifierKey)
    await open()
    expect(await isOpen()).toBe(true)
    edge.clock.advance(VERDICT_WAIT_MS)
    expect(await (await response).json()).toMatchObject(found({ verdict: 'pending', log_e: null }))
    expect(edge.hub.verdictsAwaited).toBe(0)
  })

  it('is given up when its client hangs up', async () => {
    const leaving = new AbortController()
    const { edge, response, isOpen } = await answered({}, { signal: leaving.signal })
    expect(await isOpen()).toBe(true)
    leaving.abort()
    expect((await response).status).toBe(499)
    expect(edge.hub.verdictsAwaited).toBe(0)
    expect(edge.record).toMatchObject({ status: 'completed' })
  })

  describe('of a job of a fixed price', () => {
    const paid = async (edge: TestEdge): Promise<Response> => {
      const now = edge.clock.now()
      const id = newJobId(now)
      const { temperature, max_completion_tokens } = ASKED
      const messages = [{ role: 'user', content: 'Count.' }]
      const order: PricedJobOrder = {
        id,
        accountId: edge.account,
        apiKeyId: '0123456789abcdef' as ApiKeyId,
        requestId: newRequestId(now),
        endpoint: '/v1/chat/completions',
        model: 'tiny',
        request: JSON.stringify({ model: 'tiny', messages, temperature, max_completion_tokens }),
        metadata: {},
        priceMsat: 2_000_000n,
        feeBps: 100,
        createdAt: now,
      }
      await edge.pricedJobs.quote(order, { ofAccount: 100, ofAll: 100, since: 0 })
      await edge.pricedJobs.escrow(id, { state: 'accepted' })
      await edge.runner.run([id])
      for (;;) {
        const job = await edge.pricedJobs.find(edge.account, id)
        if (job?.state !== 'running') {
          const { kind } = (await edge.pricedJobs.decision(id)) ?? {}
          const result = JSON.parse(job?.result ?? '{}')
          return Response.json({ state: job?.state, kind, result, error: job?.error })
        }
        await turn()
      }
    }

    const GIVEN_BACK = {
      state: 'failed',
      kind: 'cancel',
      error: { code: 'verification_failed' },
    }

    it('comes before its money: one that passes is settled', async () => {
      const { open, isOpen, response, lease } = await answered({}, {}, { ask: paid })
      expect(await isOpen()).toBe(true)
      await open()
      expect(await (await response).json()).toMatchObject({
        state: 'completed',
        kind: 'settle',
        result: found({ verdict: 'pass', lease }),
      })
    })

    it('gives the payment back when it is found out', async () => {
      const { open, response } = await answered({}, {}, { ask: paid })
      await open('4')
      expect(await (await response).json()).toMatchObject(GIVEN_BACK)
    })

    it('gives the payment back when its provider hides what it has signed', async () => {
      const { edge, response } = await answered({}, {}, { ask: paid })
      edge.clock.advance(OPENING_WAIT_MS)
      expect(await (await response).json()).toMatchObject(GIVEN_BACK)
    })

    const silentVerifier = async (edge: TestEdge): Promise<void> => {
      const models = [modelOffer('tiny', { spec: DRAWN_SPEC })]
      await edge.provider({ role: 'verifier', models }, verifierKey)
    }

    it('is waited for longer than by a client: until no verifier can say more', async () => {
      const { edge, open, response } = await answered({}, {}, { ask: paid })
      await silentVerifier(edge)
      await open()
      edge.clock.advance(Math.max(VERDICT_WAIT_MS, SCORE_TIMEOUT_MS))
      const settled = { state: 'completed', kind: 'settle', result: found({ verdict: 'pass' }) }
      expect(await (await response).json()).toMatchObject(settled)
    })

    it('is waited for when the job itself has to have ended by now', async () => {
      const deadlineMs = SCORE_TIMEOUT_MS / 2
      const timeouts = JSON.stringify({ deadlineMs })
      const { edge, open, isOpen, response } = await answered({}, {}, { ask: paid, timeouts })
      await silentVerifier(edge)
      await open()
      edge.clock.advance(deadlineMs)
      expect(await isOpen()).toBe(true)
      edge.clock.advance(SCORE_TIMEOUT_MS - deadlineMs)
      expect(await (await response).json()).toMatchObject({ state: 'completed', kind: 'settle' })
    })
  })

  it('runs no other verdict into a request that wants none', async () => {
    const { response } = await answered({ provider: { verify: 'none' } })
    expect(await (await response).json()).not.toHaveProperty('infernet')
  })
})

describe('a strict stream', () => {
  const reading = async (fields: Record<string, unknown> = {}, byteStreams = false) => {
    const run = await answered({ stream: true, ...fields }, {}, { byteStreams })
    const reader = (await run.response).body!.getReader()
    const first = new TextDecoder().decode((await reader.read()).value)
    const rest = async (): Promise<unknown[]> => {
      const chunks = []
      for (let next = await reader.read(); !next.done; next = await reader.read())
        chunks.push(next.value)
      return readEvents(new Response(Buffer.concat(chunks)))
    }
    return { ...run, first, reader, rest }
  }

  it.each([false, true])(
    'has all its content and its bill before the verdict, and [DONE] behind it (bytes: %s)',
    async (byteStreams) => {
      const { edge, first, rest, open, lease } = await reading({}, byteStreams)
      expect(first).toContain(WORDS.at(-1))
      expect(first).toContain(`"cost":${COST_MSAT}`)
      expect(first).not.toContain('[DONE]')
      const events = rest()
      await open()
      expect(await events).toEqual([
        expect.objectContaining({
          id: 'chatcmpl-1',
          object: 'chat.completion.chunk',
          choices: [],
          ...found(expect.objectContaining({ verdict: 'pass', lease })),
        }),
        '[DONE]',
      ])
      expect(edge.hub.verdictsAwaited).toBe(0)
    },
  )

  it('that fails ends with an error in band', async () => {
    const { open, rest } = await reading()
    await open('4')
    const events = await rest()
    expect(events).toMatchObject([
      { error: { code: 'verification_failed' }, choices: [{ finish_reason: 'error' }] },
    ])
  })

  it('says while it waits that it lives, and ends without a verdict in the end', async () => {
    const { edge, open, reader, rest } = await reading()
    const models = [modelOffer('tiny', { spec: DRAWN_SPEC })]
    await edge.provider({ role: 'verifier', models }, verifierKey)
    await open()
    const sign = reader.read()
    edge.clock.advance(KEEP_ALIVE_MS)
    expect(new TextDecoder().decode((await sign).value)).toMatch(/^: /)
    const events = rest()
    edge.clock.advance(VERDICT_WAIT_MS)
    expect(await events).toMatchObject([found({ verdict: 'pending' }), '[DONE]'])
  })

  it('is given up when its client hangs up', async () => {
    const { edge, reader, open } = await reading()
    expect(edge.hub.verdictsAwaited).toBe(1)
    await reader.cancel()
    expect(edge.hub.verdictsAwaited).toBe(0)
    await open()
    expect(edge.record).toMatchObject({ status: 'completed', costMsat: COST_MSAT })
  })

  it('lets a client go that does not read its end', async () => {
    const { edge, reader } = await reading()
    edge.clock.advance(JOB_DEADLINE_MS)
    expect(edge.hub.verdictsAwaited).toBe(0)
    await expect(reader.read()).rejects.toThrow('deadline')
    expect(edge.clock.waiting).toBe(0)
  })

  it('whose bill nobody wants waits all the same', async () => {
    const { first, open, rest } = await reading({ stream_options: undefined })
    expect(first).not.toContain('"usage"')
    const events = rest()
    await open()
    expect(await events).toMatchObject([found({ verdict: 'pass' }), '[DONE]'])
  })

  it('that two providers had a part in says what was found of the worse one', async () => {
    const edge = await startEdge()
    const models = [modelOffer('tiny', { spec: DRAWN_SPEC, capabilities: ['continue'] })]
    const providers = [await edge.provider({ models }), await edge.provider({ models })]
    const response = edge.chat({ ...ASKED, stream: true })
    const offered = providers.map(async ({ jobs }) => (await jobs.next()).begin())
    const first = await Promise.race(offered)
    first.data(piece.role()).data(piece.text('one '))
    const events = readEvents(await response)
    await turn()
    first.error()
    const other = (await Promise.all(offered)).find((job) => job !== first)!
    other.data(piece.text('two')).data(piece.finish()).end()
    await turn()
    edge.clock.advance(OPENING_WAIT_MS)
    expect((await events).slice(-2)).toMatchObject([found({ verdict: 'unopened' }), '[DONE]'])
  })
})

describe.each([
  ['/v1/messages', { max_tokens: TOKENS, messages: [{ role: 'user', content: 'Hi' }] }],
  ['/v1/responses', { max_output_tokens: TOKENS, input: 'Hi' }],
])('a strict request to %s', (path, body) => {
  const ask = (stream: boolean) =>
    answered(
      {},
      {},
      {
        ask: (edge) => {
          const { temperature, provider } = ASKED
          const whole = { model: 'tiny', temperature, provider, stream, ...body }
          return edge.request(path, { method: 'POST', body: JSON.stringify(whole) })
        },
      },
    )

  it('gets the verdict in its answer', async () => {
    const { response, open, lease } = await ask(false)
    await open()
    expect(await (await response).json()).toMatchObject(found({ verdict: 'pass', lease }))
  })

  it('gets the verdict in its stream’s last words', async () => {
    const { response, open, lease } = await ask(true)
    const text = (await response).text()
    await turn()
    await open()
    const last = (await text).split('\n\n').findLast((event) => event.includes('"infernet"'))
    expect(last).toMatch(/^event: (message_delta|response\.incomplete)/)
    expect(last).toContain(`"verdict":"pass"`)
    expect(last).toContain(lease)
  })

  it('gets an error in its own form when that fails', async () => {
    const { response, open } = await ask(true)
    const text = (await response).text()
    await turn()
    await open('4')
    expect(await text).toMatch(/event: error\ndata: .*verification_failed/)
    expect(await text).not.toContain('message_stop')
    expect(await text).not.toContain('response.incomplete')
  })
})

describe('strict verification', () => {
  it('is only for offers that say what they run', async () => {
    const edge = await startEdge()
    await edge.provider()
    const error = await errorOf(await edge.chat({ provider: { verify: 'strict' } }))
    expect(error).toMatchObject({ status: 503, code: 'no_provider_matches', param: 'provider' })
    expect(error.message).toContain('provider.verify')
  })

  it.each<[string, string, object]>([
    ['embeddings', '/v1/embeddings', { input: 'a' }],
    [
      'several choices',
      '/v1/chat/completions',
      { n: 2, messages: [{ role: 'user', content: 'a' }] },
    ],
    ['several prompts', '/v1/completions', { prompt: ['a', 'b'] }],
  ])('is refused for %s', async (_, path, fields) => {
    const edge = await startEdge()
    const body = JSON.stringify({ model: 'tiny', provider: { verify: 'strict' }, ...fields })
    const error = await errorOf(await edge.request(path, { method: 'POST', body }))
    expect(error).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      param: 'provider.verify',
    })
    expect(error.message).toContain('cannot be verified yet')
  })

  it('is one of three words', async () => {
    const edge = await startEdge()
    const error = await errorOf(await edge.chat({ provider: { verify: 'always' } }))
    expect(error).toMatchObject({ status: 400, param: 'provider.verify' })
    expect(error.message).toContain('strict')
  })
})
