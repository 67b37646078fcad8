import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { apiKeyId, hashApiKey, newApiKey } from './api-key.ts'

describe('an API key', () => {
  it('carries its id, and is known by its hash', () => {
    const { id, secret, hash } = newApiKey()
    expect(secret).toMatch(/^sk-inf-[0-9a-f]{16}-[A-Za-z0-9_-]{43}$/)
    expect(apiKeyId(secret)).toBe(id)
    expect(hash).toBe(createHash('sha256').update(secret).digest('hex'))
    expect(hash).toBe(hashApiKey(secret))
  })

  it('is never made twice', () => {
    const keys = Array.from({ length: 1000 }, newApiKey)
    for (const part of ['id', 'secret', 'hash'] as const) {
      expect(new Set(keys.map((key) => key[part])).size).toBe(keys.length)
    }
  })

  it('has another hash when any character differs', () => {
    const { secret, hash } = newApiKey()
    for (let at = 0; at < secret.length; at++) {
      const other = secret.slice(0, at) + (secret[at] === 'x' ? 'y' : 'x') + secret.slice(at + 1)
      expect(hashApiKey(other)).not.toBe(hash)
    }
  })

  it('has no id when it is malformed', () => {
    const id = '0123456789abcdef'
    const tail = 's'.repeat(43)
    expect(apiKeyId(`sk-inf-${id}-${tail}`)).toBe(id)
    for (const text of [
      '',
      'sk-proj-something',
      `sk-inf-${id}`,
      `sk-inf-${id}-${tail.slice(1)}`,
      `sk-inf-${id}-${tail}s`,
      `sk-inf-${id}-${tail}\n`,
      ` sk-inf-${id}-${tail}`,
      `SK-inf-${id}-${tail}`,
      `sk-inf-${id.toUpperCase()}-${tail}`,
      `sk-inf-${id.slice(1)}-${tail}s`,
      `sk-inf-${id}-${tail.slice(1)}+`,
      `sk-inf-${id}_${tail}`,
    ]) {
      expect(apiKeyId(text), text).toBeUndefined()
    }
  })
})
