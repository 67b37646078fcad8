import { describe, expect, it } from 'vitest'
import { NodeAccounts } from '../hosts/node/node-accounts.ts'
import { answerJson, answerStream } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { CREDIT_MSAT, startEdge } from '../testing/test-edge.ts'

const once = { headers: { 'idempotency-key': 'order-7' } }
const replayed = (response: Response) => response.headers.get('idempotency-replayed')

describe('a request with an Idempotency-Key', () => {
  it.each([false, true])(
    'runs once, and its repetition gets its answer (stream: %s)',
    async (stream) => {
      const edge = await startEdge()
      const provider = await edge.provider()
      const first = edge.chat({ stream }, once)
      const second = edge.chat({ stream }, once)
      if (stream) answerStream(await provider.jobs.next())
      else answerJson(await provider.jobs.next())
      const answers = await Promise.all([first, second])
      const [text, again] = await Promise.all(answers.map((answer) => answer.text()))
      expect(text).not.toBe('')
      expect(again).toBe(text)
      expect(answers.map(replayed).toSorted()).toEqual(['true', null].toSorted())
      expect(edge.records).toHaveLength(1)
      const [mine, other] = answers.map(({ headers }) => headers.get('x-infernet-job'))
      expect(other).toBe(mine)
      expect((await errorOf(await edge.chat({ stream, seed: 1 }, once))).status).toBe(409)
    },
  )

  it('that failed may be tried anew', async () => {
    const edge = await startEdge()
    const failed = await edge.chat({}, once)
    expect(failed.status).toBeGreaterThanOrEqual(400)
    await failed.text()
    const provider = await edge.provider()
    const answer = edge.chat({}, once)
    answerJson(await provider.jobs.next())
    expect((await answer).status).toBe(200)
  })

  it('that was charged by an edge that died is not run again', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const { accounts } = edge
    accounts.finishOnce = () => new Promise(() => {})
    const first = edge.chat({}, once)
    answerJson(await provider.jobs.next())
    await (await first).text()
    await accounts.flush()
    const spent = CREDIT_MSAT - (await edge.balance()).availableMsat
    expect(spent).toBeGreaterThan(0)
    // The next process starts on what that one has left.
    const { sql, store, clock } = edge
    const next = new NodeAccounts({ sql, store, now: clock.now, onFlushError: () => {} })
    accounts.beginOnce = (request) => next.beginOnce(request)
    expect(await errorOf(await edge.chat({}, once))).toMatchObject({
      status: 409,
      code: 'idempotency_result_not_kept',
    })
    expect(CREDIT_MSAT - (await edge.balance()).availableMsat).toBe(spent)
  })

  it.each(['', 'a b', 'ä', 'x'.repeat(256)])('has a key that can be kept: not %o', async (key) => {
    const edge = await startEdge()
    const response = await edge.chat({}, { headers: { 'idempotency-key': key } })
    expect((await errorOf(response)).status).toBe(400)
  })
})
