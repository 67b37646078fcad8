import { CLOSE } from '@infernet/schemas/close-codes'
import { FRAME } from '@infernet/schemas/frame'
import type { Gpu } from '@infernet/schemas/hardware'
import { CONDUCT_TIMES, goodConduct } from '@infernet/verification/reputation/conduct'
import { beforeEach, describe, expect, it } from 'vitest'
import { answerJson } from '../testing/answers.ts'
import { FakeProvider, newProviderKey, type ProviderKey } from '../testing/fake-provider.ts'
import { capabilityOf, startEdge, type TestEdge } from '../testing/test-edge.ts'
import { REST_GRACE_MS, REST_MS } from './challenge-limits.ts'

const settled = () => new Promise(setImmediate)
const gpu = (hash: string, more: Partial<Gpu> = {}): { gpus: Gpu[] } => ({
  gpus: [{ vendor: 'nvidia', name: 'RTX', id_sha256: hash.repeat(64), ...more }],
})

let edge: TestEdge
beforeEach(async () => {
  edge = await startEdge()
})

/** Comes with a machine; how it was closed, if it was. */
async function comes(hardware: { gpus: Gpu[] }, key?: ProviderKey, role?: 'verifier') {
  const provider = new FakeProvider(edge.hub, key).connect()
  const capability = capabilityOf({ hardware, ...(role && { role }) })
  await provider.login(provider.hello({ capability, now: edge.clock.now() }))
  return provider
}
const detail = async ({ peer }: FakeProvider) =>
  (await (await edge.request(`/v1/providers/${peer}`)).json()) as Record<string, unknown>

describe('a card', () => {
  it('is one provider at a time: the first that comes, until it leaves', async () => {
    const first = await comes(gpu('a'))
    const second = await comes(gpu('a'))
    expect(second.closed).toEqual({
      code: CLOSE.sharedGpu,
      reason: `your GPU serves as ${first.peer}`,
    })
    expect(second.closed!.reason.length).toBeLessThan(120)
    first.vanish()
    expect((await comes(gpu('a'), second.key)).closed).toBe(undefined)
    expect((await comes(gpu('a'), first.key)).closed?.code).toBe(CLOSE.sharedGpu)
  })

  it('is its owner’s who comes again', async () => {
    const first = await comes(gpu('a'))
    const again = await comes(gpu('a'), first.key)
    expect(first.closed?.code).toBe(CLOSE.replaced)
    expect(again.closed).toBe(undefined)
    expect((await comes(gpu('a'))).closed?.code).toBe(CLOSE.sharedGpu)
  })

  it('cannot be claimed later either', async () => {
    await comes(gpu('a'))
    const other = await comes(gpu('b'))
    other.announce(capabilityOf({ hardware: gpu('b') }))
    expect(other.closed).toBe(undefined)
    other.announce(capabilityOf({ hardware: gpu('a') }))
    expect(other.closed?.code).toBe(CLOSE.sharedGpu)
  })

  it('may be several machines that it is cut into, and is none where it has no name', async () => {
    const cut = gpu('a', { mig: ['1g.10gb'] })
    const nameless = gpu('a', { id_sha256: undefined })
    for (const hardware of [cut, cut, nameless, nameless])
      expect((await comes(hardware)).closed).toBe(undefined)
  })

  it('is not shown to anybody, who could claim it', async () => {
    const provider = await comes(gpu('a'))
    expect((await detail(provider))['hardware']).toEqual({
      gpus: [{ vendor: 'nvidia', name: 'RTX' }],
    })
  })
})

describe('who rests', () => {
  let first: FakeProvider
  let second: FakeProvider
  beforeEach(async () => {
    first = await edge.provider()
    second = await edge.provider()
  })
  const rest = () => {
    const since = edge.clock.now()
    const pair = { peer: second.peer, beside: first.peer }
    edge.hub.rest({ ...pair, since, until: since + REST_MS })
  }
  const comesBack = (provider: FakeProvider) => comes({ gpus: [] }, provider.key)

  it('is sent away, told why, and let in when the other has gone or its time is over', async () => {
    rest()
    expect(second.closed).toEqual({
      code: CLOSE.sharedGpu,
      reason: `challenges show that your GPU serves as ${first.peer} too`,
    })
    expect(second.closed!.reason.length).toBeLessThan(120)
    expect((await comesBack(second)).closed?.code).toBe(CLOSE.sharedGpu)
    first.vanish()
    const back = await comesBack(second)
    expect(back.closed).toBe(undefined)
    await comesBack(first)
    expect(back.closed?.code).toBe(CLOSE.sharedGpu)
    edge.clock.advance(REST_MS)
    expect((await comesBack(second)).closed).toBe(undefined)
  })

  it('gets no more jobs, and ends those that it has', async () => {
    const answer = edge.chat({ provider: { only: [second.peer] } })
    const job = await second.jobs.next()
    rest()
    expect(second.closed).toBe(undefined)
    expect(edge.hub.machines().map(({ id }) => id)).toEqual([first.peer])
    expect(edge.hub.providersOf('tiny').map(({ peer }) => peer)).toEqual([first.peer])
    answerJson(job)
    expect((await answer).status).toBe(200)
    edge.clock.advance(REST_GRACE_MS)
    await settled()
    expect(second.closed?.code).toBe(CLOSE.sharedGpu)
  })

  it('may say anew what it has while it ends its jobs', async () => {
    const answer = edge.chat({ provider: { only: [second.peer] } })
    const job = await second.jobs.next()
    rest()
    second.announce(capabilityOf({ slots: 2 }))
    second.sendControl(FRAME.drain, { reason: 'update' })
    expect(second.closed).toBe(undefined)
    expect(edge.hub.providersOf('tiny').map(({ peer }) => peer)).toEqual([first.peer])
    answerJson(job)
    expect((await answer).status).toBe(200)
    expect(edge.log.filter(({ event }) => event === 'protocol_violation')).toEqual([])
    edge.clock.advance(REST_GRACE_MS)
    expect(second.closed?.code).toBe(CLOSE.sharedGpu)
  })

  it('is shown to anybody, and beside whom', async () => {
    expect((await detail(second))['shared_gpu']).toEqual([])
    rest()
    const since = Math.floor(edge.clock.now() / 1000)
    const times = { since, until: since + REST_MS / 1000 }
    expect((await detail(second))['shared_gpu']).toEqual([
      { provider: first.peer, rests: true, ...times },
    ])
    expect((await detail(first))['shared_gpu']).toEqual([
      { provider: second.peer, rests: false, ...times },
    ])
    edge.clock.advance(REST_MS)
    expect((await detail(second))['shared_gpu']).toEqual([])
  })
})

describe('the machines', () => {
  const machines = () => edge.hub.machines().map(({ id, slots }) => [id, slots])

  it('are those that serve, with the slots that they have now', async () => {
    edge = await startEdge({ openVerifiers: true })
    const key = newProviderKey()
    const conduct = { ...goodConduct(edge.clock.now()), standing: 'suspended' as const }
    edge.audits.conducts.set(key.peer, conduct)
    await edge.provider({}, key)
    const leaving = await edge.provider()
    await comes({ gpus: [] }, undefined, 'verifier')
    const one = await edge.provider({ slots: 4 })
    await settled()
    leaving.sendControl(FRAME.drain, { reason: 'update' })
    expect(machines()).toEqual([[one.peer, 4]])
    one.sendControl(FRAME.load, { running: 0, waiting: 0, slots: 2 })
    expect(machines()).toEqual([[one.peer, 2]])
    edge.clock.advance(CONDUCT_TIMES.suspensionMs)
    expect(machines()).toEqual([
      [key.peer, 4],
      [one.peer, 2],
    ])
  })
})
