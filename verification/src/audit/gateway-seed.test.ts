import { createHmac } from 'node:crypto'
import type { LeaseId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { gatewaySeed, seedOf } from './gateway-seed.ts'

const KEY = new Uint8Array(32).fill(3)
const LEASE = 'job_0192f0c1a2b3c4d5e6f708192a3b4c5d.1' as LeaseId

describe('a gateway seed', () => {
  it('is the first 32 bits of the HMAC of the lease', () => {
    const digest = createHmac('sha256', KEY).update(LEASE).digest()
    expect(gatewaySeed(KEY, LEASE)).toBe(digest.readUInt32BE(0))
    expect(gatewaySeed(KEY, LEASE.replace('.1', '.2') as LeaseId)).not.toBe(digest.readUInt32BE(0))
  })

  it('is never what llama.cpp takes for any seed', () => {
    expect(seedOf(new Uint8Array(32).fill(255))).toBe(0xffff_fffe)
    expect(seedOf(new Uint8Array(32))).toBe(0)
  })
})
