import { CLOSE } from '@infernet/schemas/close-codes'
import { CONNECTION_CHANNEL, encodeFrame, FRAME } from '@infernet/schemas/frame'
import { JOB_WINDOW_BYTES, MAX_CLOCK_SKEW_MS, MAX_CONTROL_BYTES } from '@infernet/schemas/limits'
import { signPayout } from '@infernet/schemas/payout-statement'
import { encodeControl } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { ACCEPT_TIMEOUT_MS, SWEEP_INTERVAL_MS } from '../limits.ts'
import { answerStream, readEvents } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { unknownFrame } from '../testing/fake-provider.ts'
import { capabilityOf, startEdge } from '../testing/test-edge.ts'

/** A message of one frame whose header lies about its length. */
function withLength(frame: Uint8Array, length: number): Uint8Array {
  const message = frame.slice()
  new DataView(message.buffer).setUint32(0, ((message[0] ?? 0) << 24) | length)
  return message
}

/** A job that waits at one of two providers; `next` is its offer to the other. */
async function offered() {
  const edge = await startEdge()
  const other = await edge.provider()
  const provider = await edge.provider()
  const answer = edge.chat({ stream: true })
  const job = await provider.jobs.next()
  return { edge, answer, job, provider, other, next: other.jobs.next() }
}

type Offered = Awaited<ReturnType<typeof offered>>

describe('a provider that breaks the protocol', () => {
  const breaches: [string, number, (test: Offered) => void][] = [
    ['data before accept', CLOSE.protocol, ({ job }) => job.data('x')],
    [
      'head before accept',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.head, encodeControl({})))
      },
    ],
    ['data before head', CLOSE.protocol, ({ job }) => job.accept().data('x')],
    ['end before head', CLOSE.protocol, ({ job }) => job.accept().end()],
    ['accept twice', CLOSE.protocol, ({ job }) => job.accept().accept()],
    ['busy after accept', CLOSE.protocol, ({ job }) => job.accept().busy()],
    [
      'a truncated frame',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.accept).subarray(0, 5))
      },
    ],
    [
      'a frame longer than its message',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(withLength(job.frame(FRAME.error), 50))
      },
    ],
    [
      'an oversized frame',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(withLength(job.frame(FRAME.error), MAX_CONTROL_BYTES + 1))
      },
    ],
    ['an unknown frame', CLOSE.protocol, ({ provider }) => provider.send(unknownFrame())],
    [
      'a payload that is no JSON',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.error, new TextEncoder().encode('oops')))
      },
    ],
    [
      'a payload of the wrong shape',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.error, encodeControl({ fault: 'nobody' })))
      },
    ],
    [
      'an edge’s frame',
      CLOSE.protocol,
      ({ job, provider }) => {
        provider.send(job.frame(FRAME.cancel, encodeControl({ reason: '' })))
      },
    ],
    [
      'a second hello',
      CLOSE.protocol,
      ({ provider }) => {
        provider.sendControl(FRAME.hello, {})
      },
    ],
    ['text', CLOSE.protocol, ({ provider }) => void provider.deliver('data: hi')],
    [
      'a channel that was never given',
      CLOSE.foreignJob,
      ({ provider }) => {
        provider.send(encodeFrame(FRAME.accept, 7, new Uint8Array()))
      },
    ],
    [
      'silence after an offer',
      CLOSE.silent,
      ({ edge }) => edge.clock.advance(ACCEPT_TIMEOUT_MS + SWEEP_INTERVAL_MS),
    ],
    [
      'earnings that another’s signature redirects',
      CLOSE.payout,
      ({ provider, other }) => {
        const payout = signPayout(other.key, { to: { kind: 'invoice' } }, 1)
        provider.announce(capabilityOf({ payout }))
      },
    ],
    [
      'a capability record that it has not signed',
      CLOSE.protocol,
      ({ provider, other }) => {
        provider.sendControl(FRAME.capability, other.signed(capabilityOf()))
      },
    ],
    [
      'a bare capability record',
      CLOSE.protocol,
      ({ provider }) => provider.sendControl(FRAME.capability, capabilityOf()),
    ],
    [
      'a capability record that is older than its login’s',
      CLOSE.protocol,
      ({ edge, provider }) => provider.announce(capabilityOf(), edge.clock.now() - 1),
    ],
    [
      'a capability record of a time that has not come',
      CLOSE.unauthorized,
      ({ edge, provider }) =>
        provider.announce(capabilityOf(), edge.clock.now() + MAX_CLOCK_SKEW_MS + 1),
    ],
    [
      'too many capability records',
      CLOSE.protocol,
      ({ provider }) => {
        for (let i = 0; i < 31; i++) provider.announce(capabilityOf())
      },
    ],
  ]
  it.each(breaches)('is cut off for %s, and its job goes elsewhere', async (_, code, breach) => {
    const test = await offered()
    const { edge, answer, provider, other, next } = test
    breach(test)
    expect(provider.closed?.code).toBe(code)
    expect(Buffer.byteLength(provider.closed?.reason ?? '')).toBeLessThanOrEqual(123)
    answerStream(await next)
    expect((await readEvents(await answer)).at(-1)).toBe('[DONE]')
    expect(other.closed).toBeUndefined()
    expect(edge.hub.providers).toBe(1)
    expect(edge.record).toMatchObject({ attempts: 2, providerId: other.peer, costMsat: 16 })
  })

  it('may not send more than its window', async () => {
    const { job, provider } = await offered()
    job.begin().data(new Uint8Array(JOB_WINDOW_BYTES).fill(10))
    expect(provider.closed).toBeUndefined()
    job.data('\n')
    expect(provider.closed).toMatchObject({ code: CLOSE.protocol })
  })

  it('is not heard any more, not even in the same message', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    provider.send(
      encodeFrame(FRAME.accept, 99, new Uint8Array()),
      encodeFrame(
        FRAME.capability,
        CONNECTION_CHANNEL,
        encodeControl(provider.signed(capabilityOf())),
      ),
    )
    provider.announce(capabilityOf())
    expect(provider.closed).toMatchObject({ code: CLOSE.foreignJob })
    expect(edge.hub.directory()).toEqual({ models: [], offline: ['tiny'] })
    expect(await errorOf(await edge.chat())).toMatchObject({ status: 503 })
  })

  it('may send late frames of a lease that has ended', async () => {
    const { job, provider, next } = await offered()
    job.busy()
    job.data('late').end()
    expect(provider.closed).toBeUndefined()
    answerStream(await next)
  })
})
