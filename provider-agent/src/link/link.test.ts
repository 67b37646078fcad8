import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CLOSE } from '@infernet/schemas/close-codes'
import { openCapability } from '@infernet/schemas/signed-capability'
import type { Capability } from '@infernet/schemas/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { loadIdentity } from '../identity.ts'
import { MAX_PING_INTERVAL_MS, MISSED_PONGS } from '../limits.ts'
import { FakeEdge, type FakeEdgeOptions } from '../testing/fake-edge.ts'
import { edgeAddress } from './edge-address.ts'
import type { LinkEnd } from './link-end.ts'
import { Link } from './link.ts'

const { identity } = loadIdentity(join(mkdtempSync(join(tmpdir(), 'infernet-')), 'key.pem'))

const CAPABILITY: Capability = {
  models: [],
  slots: 1,
  data_collection: 'deny',
  engine: 'tiny',
  agent: 'test',
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** A link that is welcome, whose monotonic clock only we move. */
async function readyLink(options: FakeEdgeOptions, now: () => number = Date.now) {
  const edge = new FakeEdge(options)
  await edge.start()
  closing.push(() => edge.close())
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>()
  const { promise: ended, resolve } = Promise.withResolvers<LinkEnd>()
  const link = new Link({
    edge: edgeAddress(edge.url),
    identity,
    capability: () => CAPABILITY,
    clock: { now, monotonic: () => 0 },
    onReady: () => isReady(),
    onFrame: () => {},
    onCongested: () => {},
    onEnd: resolve,
  })
  const session = await edge.session()
  await ready
  return { link, session, ended }
}

describe('a link', () => {
  it('signs what it tells, and dates nothing before its login, wherever the clock goes', async () => {
    const start = Date.now()
    let now = start
    const { link, session } = await readyLink({}, () => now)
    expect(session.hello).toMatchObject({ issuedAt: start, capability: CAPABILITY })
    const issuedAt = () => openCapability(identity.peer, link.signed(CAPABILITY)).issuedAt
    now -= 5_000
    expect(issuedAt()).toBe(start)
    now = start + 7
    expect(issuedAt()).toBe(start + 7)
    const twice = [link.signed(CAPABILITY), link.signed(CAPABILITY)]
    expect(twice[0]!.hidden).not.toBe(twice[1]!.hidden)
  })

  it('notices the silence of an edge that wants to hear of nothing for an age', async () => {
    const { link, session, ended } = await readyLink({ pingIntervalMs: 2 ** 52, mute: true })
    link.tick(MAX_PING_INTERVAL_MS - 1)
    link.tick(MAX_PING_INTERVAL_MS)
    await session.until(() => session.pings > 0 || undefined, 'ping')
    expect(session.pings).toBe(1)
    link.tick((MISSED_PONGS + 1) * MAX_PING_INTERVAL_MS + 1)
    expect((await ended).reason).toBe('the edge has gone silent')
  })

  it('closes with as much of a reason as a WebSocket takes, in whole letters', async () => {
    const { link, session } = await readyLink({})
    link.close(CLOSE.protocol, `a${'€'.repeat(200)}`)
    await session.until(() => session.closed, 'close')
    expect(session.closed).toEqual({ code: CLOSE.protocol, reason: `a${'€'.repeat(40)}` })
  })
})
