import { describe, expect, it } from 'vitest'
import { appealSchema, signAppeal, verifyAppeal } from './appeal.ts'
import { newSigner } from './testing/signer.ts'

const signer = newSigner()
const SLASH = `slash_${'a'.repeat(32)}`
const said = { reason: 'The card was replaced:\nhere is the log 🧾', at: 5 }

describe('an appeal', () => {
  it('is good as it was signed, also after its way through JSON', async () => {
    const appeal = signAppeal(signer, SLASH, said)
    expect(await verifyAppeal(signer.peer, SLASH, appeal)).toBe(true)
    const read = appealSchema.parse(JSON.parse(JSON.stringify(appeal)))
    expect(await verifyAppeal(signer.peer, SLASH, read)).toBe(true)
  })

  it('is good for no other slash, provider, reason or time', async () => {
    const appeal = signAppeal(signer, SLASH, said)
    const other = `slash_${'b'.repeat(32)}`
    const forged = [
      [signer.peer, other, appeal],
      [newSigner().peer, SLASH, appeal],
      [signer.peer, SLASH, { ...appeal, reason: 'I admit it' }],
      [signer.peer, SLASH, { ...appeal, at: 6 }],
    ] as const
    for (const [provider, slash, claimed] of forged) {
      expect(await verifyAppeal(provider, slash, claimed)).toBe(false)
    }
    const digits = signAppeal(signer, SLASH, { reason: '7 times', at: 5 })
    const shifted = { ...digits, reason: ' times', at: 57 }
    expect(await verifyAppeal(signer.peer, SLASH, shifted)).toBe(false)
  })

  it.each(['', 'x'.repeat(2001), 'a\0b', 'bell \u0007', 'half \ud800'])(
    'has a reason that can be read and kept: not %j',
    (reason) => {
      expect(() => signAppeal(signer, SLASH, { ...said, reason })).toThrow()
    },
  )
})
