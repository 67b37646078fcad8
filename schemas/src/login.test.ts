import { describe, expect, it } from 'vitest'
import { CHALLENGE_TTL_MS, MAX_CLOCK_SKEW_MS } from './limits.ts'
import { judgeLogin, judgeVersion, loginTranscript, verifyEd25519 } from './login.ts'
import { newSigner } from './testing/signer.ts'
import { PROTOCOL, type Challenge, type Hello } from './wire.ts'

const NOW = Date.UTC(2026, 0, 2)
const challenge: Challenge = {
  versions: PROTOCOL,
  audience: 'edge.example.com',
  nonce: 'c'.repeat(43),
  now: NOW,
}
const signer = newSigner()

function helloTo(asked: Challenge, by = signer, timestamp = NOW): Hello {
  const hello = { version: 1, peer: by.peer, nonce: 'a'.repeat(43), timestamp }
  const signature = Buffer.from(by.sign(loginTranscript(asked, hello))).toString('base64url')
  const capability = { record: '', signature: '', hidden: '' }
  return { ...hello, signature, capability }
}

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

const faultOf = async (asked: Challenge, hello: Hello, now = NOW) =>
  (await judgeLogin(asked, hello, now))?.fault

describe('a login', () => {
  it('is good with the signature of its key, made by node:crypto', async () => {
    expect(await judgeLogin(challenge, helloTo(challenge), NOW)).toBeUndefined()
  })

  it('signs the documented bytes', () => {
    const text = Buffer.from(loginTranscript(challenge, helloTo(challenge))).toString()
    expect(text.split('\0')).toEqual([
      'infernet/ws-auth/1',
      '1',
      'edge.example.com',
      signer.peer,
      'c'.repeat(43),
      'a'.repeat(43),
      String(NOW),
    ])
  })

  it("is refused under another provider's name", async () => {
    const hello = { ...helloTo(challenge), peer: newSigner().peer }
    expect(await judgeLogin(challenge, hello, NOW)).toEqual({
      fault: 'signature',
      message: expect.stringContaining('signature'),
    })
  })

  it('is refused when it was made for another edge', async () => {
    const forwarded = helloTo({ ...challenge, audience: 'evil.example.com' })
    expect(await faultOf(challenge, forwarded)).toBe('signature')
  })

  it('is refused when it answers another challenge', async () => {
    const replayed = helloTo(challenge)
    expect(await faultOf({ ...challenge, nonce: 'd'.repeat(43) }, replayed)).toBe('signature')
  })

  it.each<[string, Partial<Challenge>, Partial<Hello>]>([
    ['version', {}, { version: 0 }],
    ['peer', {}, { peer: newSigner().peer }],
    ["the agent's nonce", {}, { nonce: `b${'a'.repeat(42)}` }],
    ['timestamp', {}, { timestamp: NOW + 1 }],
    ['audience', { audience: 'fdge.example.com' }, {}],
    ["the edge's nonce", { nonce: `${'c'.repeat(42)}d` }, {}],
  ])('is refused when one bit of %s is changed', async (_name, asked, told) => {
    const hello = { ...helloTo(challenge), ...told }
    expect(await faultOf({ ...challenge, ...asked }, hello)).toBe('signature')
  })

  it('is refused with any bit of the signature flipped', async () => {
    const hello = helloTo(challenge)
    const signature = Buffer.from(hello.signature, 'base64url')
    for (let bit = 0; bit < 512; bit += 7) {
      const forged = Buffer.from(signature)
      forged[bit >> 3]! ^= 1 << (bit & 7)
      const fault = await faultOf(challenge, { ...hello, signature: forged.toString('base64url') })
      expect(fault, `bit ${bit}`).toBe('signature')
    }
  })

  it.each(['', 'A', 'A'.repeat(85), 'A'.repeat(86), 'A'.repeat(128), '!?'])(
    'is refused with %j for a signature',
    async (signature) => {
      expect(await faultOf(challenge, { ...helloTo(challenge), signature })).toBe('signature')
    },
  )

  it('leaves the capability unsigned: it may change at any time', async () => {
    const hello = helloTo(challenge)
    const capability = { ...hello.capability, slots: 8 }
    expect(await faultOf(challenge, { ...hello, capability })).toBeUndefined()
  })

  it('must follow its challenge in time', async () => {
    const hello = helloTo(challenge)
    expect(await faultOf(challenge, hello, NOW + CHALLENGE_TTL_MS)).toBeUndefined()
    expect(await judgeLogin(challenge, hello, NOW + CHALLENGE_TTL_MS + 1)).toEqual({
      fault: 'late',
      message: expect.stringContaining('longer than 10 s'),
    })
  })

  it.each([
    ['ahead of', 1],
    ['behind', -1],
  ])("tells an owner whose clock is %s the edge's by how much", async (direction, sign) => {
    const by = (skew: number) => helloTo(challenge, signer, NOW + sign * skew)
    expect(await faultOf(challenge, by(MAX_CLOCK_SKEW_MS))).toBeUndefined()
    expect(await faultOf(challenge, by(MAX_CLOCK_SKEW_MS + 1))).toBe('skew')
    const verdict = await judgeLogin(challenge, by(90_000), NOW)
    expect(verdict?.message).toMatch(
      new RegExp(`clock is 90 s ${direction} the edge's.*timedatectl`),
    )
  })
})

describe('judgeVersion', () => {
  it('takes every version in the range', () => {
    for (let version = PROTOCOL.min; version <= PROTOCOL.max; version++) {
      expect(judgeVersion(version)).toBeUndefined()
    }
  })

  it('says which side is too old', () => {
    expect(judgeVersion(PROTOCOL.min - 1)).toBe(
      'this edge speaks protocol 1, the agent 0: update infernet-agent',
    )
    expect(judgeVersion(PROTOCOL.max + 1)).toBe(
      'this edge speaks protocol 1, the agent 2: this edge must be updated first',
    )
  })
})

describe('verifyEd25519', () => {
  it('accepts test 2 of RFC 8032 §7.1', async () => {
    const key = bytes('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c')
    const signature = bytes(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )
    expect(await verifyEd25519(key, signature, bytes('72'))).toBe(true)
    expect(await verifyEd25519(key, signature, bytes('73'))).toBe(false)
  })

  it('is false, and does not throw, for what is no key or signature', async () => {
    const message = bytes('72')
    for (const length of [0, 31, 33]) {
      expect(await verifyEd25519(new Uint8Array(length), new Uint8Array(64), message)).toBe(false)
    }
    for (const length of [0, 63, 65]) {
      expect(await verifyEd25519(new Uint8Array(32), new Uint8Array(length), message)).toBe(false)
    }
    expect(await verifyEd25519(new Uint8Array(32).fill(255), new Uint8Array(64), message)).toBe(
      false,
    )
  })
})
