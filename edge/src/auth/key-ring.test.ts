import { newApiKey } from '@infernet/schemas/api-key'
import { newAccountId, type ApiKeyId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { KEY_TTL_MS, MAX_CACHED_KEYS, UNKNOWN_KEY_TTL_MS } from '../limits.ts'
import type { StoredApiKey } from '../ports.ts'
import { limitsOf } from '../testing/spend-limits.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { bearerToken, KeyRing, sameText } from './key-ring.ts'

/** A key ring over one stored key, which counts what it asks of Postgres. */
function setUp(row: Partial<StoredApiKey> = {}) {
  const clock = new ManualClock()
  const { id, secret, hash } = newApiKey()
  const accountId = newAccountId(clock.now())
  const rows = new Map<ApiKeyId, StoredApiKey>()
  const limits = limitsOf({ maxConcurrent: 3 }, { tokensPerMinute: 9 })
  rows.set(id, { accountId, hash, expiresAt: null, revokedAt: null, limits, ...row })
  const state = { lookUps: 0, down: false }
  const ring = new KeyRing(
    {
      findApiKey: async (wanted) => {
        state.lookUps++
        if (state.down) throw new Error('connection refused')
        return rows.get(wanted)
      },
    },
    clock.now,
  )
  const identify = (key = secret) => ring.identify(`Bearer ${key}`)
  return { clock, ring, rows, state, identify, id, secret, accountId, limits }
}

const missing = { status: 401, code: 'missing_api_key' }
const bad = { status: 401, code: 'invalid_api_key' }

describe('a key ring', () => {
  it('knows whose key it is, and what it may use', async () => {
    const { identify, id, accountId, limits } = setUp()
    expect(await identify()).toEqual({ accountId, apiKeyId: id, limits })
    expect(await identify()).toBe(await identify())
  })

  it('learns of changed limits after the freshness of a key, or at once when told', async () => {
    const { identify, clock, rows, id, accountId, limits, ring } = setUp()
    await identify()
    const change = (maxConcurrent: number) => {
      const changed = limitsOf({ maxConcurrent })
      rows.set(id, { ...rows.get(id)!, limits: changed })
      return changed
    }
    const first = change(1)
    expect((await identify()).limits).toEqual(limits)
    clock.advance(KEY_TTL_MS)
    expect((await identify()).limits).toEqual(first)
    const second = change(2)
    ring.forgetAccount(newAccountId(0))
    expect((await identify()).limits).toEqual(first)
    ring.forgetAccount(accountId)
    expect((await identify()).limits).toEqual(second)
    const third = change(3)
    ring.forget(id)
    expect((await identify()).limits).toEqual(third)
  })

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic abc',
    'Bearer a b',
    `Bearer ${'x'.repeat(600)}`,
  ])('misses a key in %o', async (header) => {
    await expect(setUp().ring.identify(header)).rejects.toMatchObject(missing)
  })

  it('refuses malformed keys without asking Postgres', async () => {
    const { identify, secret, state } = setUp()
    for (const key of ['x', secret.slice(1), `${secret}x`, secret.replace('sk-', 'pk-')]) {
      await expect(identify(key)).rejects.toMatchObject(bad)
    }
    expect(state.lookUps).toBe(0)
  })

  it('refuses the right id with another secret', async () => {
    const { identify, secret } = setUp()
    const other = secret.slice(0, -43) + newApiKey().secret.slice(-43)
    await expect(identify(other)).rejects.toMatchObject(bad)
  })

  it('refuses keys that were revoked or have expired, at the moment they do', async () => {
    const { identify, clock, rows, id, ring } = setUp()
    const row = rows.get(id)!
    rows.set(id, { ...row, expiresAt: clock.now() + 1000 })
    await identify()
    clock.advance(1000)
    await expect(identify()).rejects.toMatchObject(bad)
    rows.set(id, { ...row, revokedAt: clock.now() - 1 })
    ring.forget(id)
    await expect(identify()).rejects.toMatchObject(bad)
  })

  it('asks Postgres once while a key is fresh, and again after that', async () => {
    const { identify, clock, state } = setUp()
    for (let i = 0; i < 3; i++) await identify()
    expect(state.lookUps).toBe(1)
    clock.advance(KEY_TTL_MS - 1)
    await identify()
    expect(state.lookUps).toBe(1)
    clock.advance(1)
    await identify()
    expect(state.lookUps).toBe(2)
  })

  it('lets a revocation through after the freshness of a key, or at once when told', async () => {
    const { identify, clock, rows, id, ring } = setUp()
    await identify()
    rows.set(id, { ...rows.get(id)!, revokedAt: clock.now() })
    await identify()
    clock.advance(KEY_TTL_MS)
    await expect(identify()).rejects.toMatchObject(bad)
    rows.set(id, { ...rows.get(id)!, revokedAt: null })
    ring.forget(id)
    await identify()
  })

  it('remembers unknown keys for a shorter time', async () => {
    const { identify, clock, state, rows } = setUp()
    const { id, secret, hash } = newApiKey()
    await expect(identify(secret)).rejects.toMatchObject(bad)
    await expect(identify(secret)).rejects.toMatchObject(bad)
    expect(state.lookUps).toBe(1)
    rows.set(id, { ...[...rows.values()][0]!, hash })
    clock.advance(UNKNOWN_KEY_TTL_MS)
    expect(await identify(secret)).toMatchObject({ apiKeyId: id })
  })

  it('keeps known keys working while Postgres is away, and no others', async () => {
    const { identify, clock, state } = setUp()
    await identify()
    clock.advance(KEY_TTL_MS)
    state.down = true
    await identify()
    await expect(identify(newApiKey().secret)).rejects.toMatchObject({
      status: 503,
      code: 'authentication_unavailable',
    })
  })

  it('does not revive a key that it knew as revoked', async () => {
    const { identify, clock, state } = setUp({ revokedAt: 0 })
    await expect(identify()).rejects.toMatchObject(bad)
    clock.advance(KEY_TTL_MS)
    state.down = true
    await expect(identify()).rejects.toMatchObject(bad)
  })

  it('remembers a bounded number of keys, and drops the oldest', async () => {
    const { identify, state } = setUp()
    await identify()
    for (let i = 0; i < MAX_CACHED_KEYS; i++) await identify(newApiKey().secret).catch(() => {})
    const before = state.lookUps
    await identify()
    expect(state.lookUps).toBe(before + 1)
  })
})

describe('bearerToken', () => {
  it('reads any spelling of the scheme', () => {
    expect(bearerToken('bearer abc')).toBe('abc')
    expect(bearerToken('BEARER   abc ')).toBe('abc')
  })
})

describe('sameText', () => {
  it('compares', () => {
    expect(sameText('abc', 'abc')).toBe(true)
    expect(sameText('abc', 'abd')).toBe(false)
    expect(sameText('abc', 'abcd')).toBe(false)
    expect(sameText('é', 'e')).toBe(false)
  })
})
