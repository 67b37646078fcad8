import { verifyEd25519 } from '@infernet/schemas/login'
import { publicKeyOf } from '@infernet/schemas/peer-id'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { describe, expect, it } from 'vitest'
import { edgeKey } from './edge-key.ts'

const secret = new Uint8Array(32).fill(9)

describe('an edge’s key', () => {
  it('is the same for all edges of an operator, and another for every other secret', async () => {
    const { peer } = await edgeKey(secret)
    // Clients have pinned it: it must not change with a release.
    expect(peer).toBe('12D3KooWKCmAtdoMjaeJxsCDqNeLEKoPJVpQP7m4TRChX9crwVbr')
    expect((await edgeKey(secret)).peer).toBe(peer)
    expect((await edgeKey(new Uint8Array(32).fill(8))).peer).not.toBe(peer)
  })

  it('signs by the public key in its name, the same bytes each time', async () => {
    const signer = await edgeKey(secret)
    const message = encodeUtf8('hello')
    const signature = Uint8Array.from(await signer.sign(message))
    expect(await signer.sign(message)).toEqual(signature)
    const key = publicKeyOf(signer.peer)!
    expect(await verifyEd25519(key, signature, message)).toBe(true)
    expect(await verifyEd25519(key, signature, encodeUtf8('hallo'))).toBe(false)
  })
})
