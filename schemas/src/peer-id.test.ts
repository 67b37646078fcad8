import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBase58 } from './base58.ts'
import { isPeerId, peerIdOf, publicKeyOf } from './peer-id.ts'

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** The client of the complete handshake in libp2p's specs, `http/peer-id-auth.md`. */
const LIBP2P = {
  key: Buffer.from('8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394', 'hex'),
  peer: '12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq',
}

describe('peer ids', () => {
  it('are those of libp2p', () => {
    expect(peerIdOf(LIBP2P.key)).toBe(LIBP2P.peer)
    expect(publicKeyOf(LIBP2P.peer)).toEqual(Uint8Array.from(LIBP2P.key))
  })

  it('hold any key, and give it back', () => {
    const extremes = [new Uint8Array(32), new Uint8Array(32).fill(255)]
    fc.assert(
      fc.property(key32, (key) => {
        const peer = peerIdOf(key)
        expect(peer).toMatch(/^12D3KooW/)
        expect(isPeerId(peer)).toBe(true)
        expect(publicKeyOf(peer)).toEqual(key)
      }),
      { examples: extremes.map((key) => [key]) },
    )
  })

  it.each([0, 31, 33])('are not made of %i bytes', (length) => {
    expect(() => peerIdOf(new Uint8Array(length))).toThrow(RangeError)
  })

  it('are nothing else', () => {
    const { key, peer } = LIBP2P
    const framed = (prefix: string, bytes: Uint8Array = key) =>
      encodeBase58(Buffer.concat([Buffer.from(prefix, 'hex'), bytes]))
    expect(framed('002408011220')).toBe(peer)
    const badForm = [
      '',
      peer.slice(0, -1),
      `${peer}1`,
      `1${peer.slice(0, -1)}`,
      peer.replace('K', '0'),
      'z'.repeat(52),
      '1'.repeat(52),
      'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    ]
    // Some of these look right; only decoding tells.
    const badBytes = [
      framed('002408021220'), // secp256k1
      framed('012408011220'), // not the identity hash
      framed('002508011220'), // length one too long
      framed('002408011221'),
      framed('002408011220', key.subarray(1)),
    ]
    for (const text of badForm) expect(isPeerId(text), text).toBe(false)
    for (const text of [...badForm, ...badBytes]) expect(publicKeyOf(text), text).toBeUndefined()
  })
})
