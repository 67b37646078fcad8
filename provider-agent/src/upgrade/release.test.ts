import { newSigner } from '@infernet/schemas/testing/signer'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readRelease, signRelease } from './release.ts'
import { UpgradeError, type UpgradeErrorCode } from './upgrade-error.ts'

const said = {
  version: '1.2.3',
  file: 'infernet-agent-1.2.3.tgz',
  bytes: 5,
  sha256: 'ab'.repeat(32),
  node: '20.12.0',
  published_at: 9,
  notes: 'Größer: "schneller"\nund 🧾',
}
const [publisher, next, stranger] = [newSigner(), newSigner(), newSigner()]
const bytes = signRelease(said, [publisher, next])

async function refusal(
  file: Uint8Array,
  trusted = [publisher.peer],
): Promise<UpgradeErrorCode | undefined> {
  try {
    await readRelease(file, trusted)
    return undefined
  } catch (error) {
    if (error instanceof UpgradeError) return error.code
    throw error
  }
}

/** As somebody would write it who has changed a field. */
const edited = (change: (release: Record<string, unknown>) => object): Uint8Array =>
  Buffer.from(
    `${JSON.stringify(change(JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>), null, 2)}\n`,
  )

describe('a release', () => {
  it('is read by whoever trusts one of its keys, and so a new key takes over', async () => {
    expect(await readRelease(bytes, [publisher.peer])).toMatchObject(said)
    expect(await readRelease(bytes, [stranger.peer, next.peer])).toMatchObject(said)
    expect(await refusal(bytes, [stranger.peer])).toBe('wrong_key')
    expect(await refusal(bytes, [])).toBe('wrong_key')
  })

  it('has no byte that can be another, be missing, or be added', async () => {
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Uint8Array.from(bytes)
      flipped[at] = flipped[at]! ^ 1
      const shorter = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
      const longer = Buffer.concat([bytes.subarray(0, at), Buffer.from(' '), bytes.subarray(at)])
      for (const file of [flipped, shorter, longer]) expect(await refusal(file)).toBeDefined()
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, value) => {
        fc.pre(bytes[at] !== value)
        const file = Uint8Array.from(bytes)
        file[at] = value
        expect(await refusal(file)).toBeDefined()
      }),
    )
  })

  it('is not another release with the same signatures', async () => {
    const forged: [UpgradeErrorCode, (release: Record<string, unknown>) => object][] = [
      ['bad_signature', (release) => ({ ...release, version: '1.2.4' })],
      ['bad_signature', (release) => ({ ...release, sha256: 'cd'.repeat(32) })],
      ['bad_signature', (release) => ({ ...release, keys: [stranger.peer, publisher.peer] })],
      ['malformed', (release) => ({ ...release, keys: [publisher.peer] })],
      ['malformed', (release) => ({ ...release, signatures: [] })],
      [
        'bad_signature',
        ({ signatures, ...release }) => ({
          ...release,
          keys: [publisher.peer],
          signatures: (signatures as string[]).slice(0, 1),
        }),
      ],
      [
        'malformed',
        ({ signatures, ...release }) => ({
          ...release,
          signatures: [...(signatures as string[]), ''],
        }),
      ],
      ['malformed', (release) => ({ ...release, keys: [publisher.peer, publisher.peer] })],
      ['malformed', (release) => ({ ...release, v: 2 })],
      ['malformed', (release) => ({ ...release, file: '../x.tgz' })],
      ['malformed', (release) => ({ ...release, notes: '\u001B[2J' })],
      ['malformed', (release) => ({ ...release, more: 1 })],
      ['malformed', ({ v, ...release }) => ({ ...release, v })],
    ]
    for (const [code, change] of forged) expect(await refusal(edited(change))).toBe(code)
    expect(await refusal(edited((release) => release))).toBeUndefined()
  })
})
