import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Gpu } from './hardware.ts'
import {
  MAX_ANNOUNCED_GPUS,
  MAX_CAPABILITY_BYTES,
  MAX_CLOCK_SKEW_MS,
  MAX_MODELS_PER_PROVIDER,
} from './limits.ts'
import { signPayout } from './payout-statement.ts'
import { fromBase64Url, toBase64Url } from './receipt.ts'
import {
  CapabilityError,
  capabilityToSign,
  checkIssuedAt,
  openCapability,
  readAnnouncement,
  signCapability,
} from './signed-capability.ts'
import { newSigner } from './testing/signer.ts'
import {
  encodeControl,
  signedCapabilitySchema,
  type Capability,
  type ModelOffer,
  type SignedCapability,
} from './wire.ts'

const signer = newSigner()
const NOW = Date.UTC(2026, 0)
const SALT = new Uint8Array(32).fill(7)
const card = (n: number) => n.toString(16).padStart(64, '0')
const offer = (id: string): ModelOffer => ({
  id,
  context_length: 4096,
  price: { prompt: 1, completion: 2 },
  capabilities: ['tools'],
  endpoints: ['chat.completions'],
})
const plain: Capability = {
  models: [offer('m')],
  slots: 2,
  data_collection: 'deny',
  engine: 'tiny',
  agent: 'test',
}
const payout = signPayout(
  signer,
  { to: { kind: 'lightning_address', address: 'me@wallet.example' } },
  NOW,
)
const full: Capability = {
  ...plain,
  hardware: {
    gpus: [
      { vendor: 'nvidia', name: 'H100', vram_mib: 81_559, id_sha256: card(1) },
      { vendor: 'apple', name: 'M4' },
    ],
    memory_mib: 64_000,
    measured: [{ model: 'm', jobs: 3, decode_tokens_s: 12.5 }],
  },
  payout,
}
const sign = (capability: Capability, by = signer, issuedAt = NOW) =>
  signCapability(by, capability, { issuedAt, salt: SALT })

/** Whatever is signed, by the key itself. */
const forge = (record: unknown, hidden: unknown): SignedCapability => {
  const bytes = encodeControl(record)
  return {
    record: toBase64Url(bytes),
    signature: toBase64Url(signer.sign(capabilityToSign(bytes))),
    hidden: toBase64Url(encodeControl(hidden)),
  }
}
const textOf = (part: string): string => Buffer.from(part, 'base64url').toString()

function faultOf(act: () => unknown): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof CapabilityError) return error.fault
    throw error
  }
}

const gpu: fc.Arbitrary<Gpu> = fc.record(
  {
    vendor: fc.constantFrom('nvidia', 'amd', 'apple'),
    name: fc.string({ minLength: 1, maxLength: 20 }),
    vram_mib: fc.integer({ min: 1, max: 2 ** 20 }),
    id_sha256: fc.nat().map(card),
  },
  { requiredKeys: ['vendor', 'name'] },
)
const capability: fc.Arbitrary<Capability> = fc.record(
  {
    role: fc.constantFrom('provider', 'verifier'),
    models: fc.array(fc.constantFrom('a', 'b', 'c').map(offer), { maxLength: 4 }),
    slots: fc.integer({ min: 1, max: 64 }),
    data_collection: fc.constantFrom('allow', 'deny'),
    engine: fc.string({ maxLength: 20 }),
    agent: fc.string({ maxLength: 20 }),
    hardware: fc.record(
      { gpus: fc.array(gpu, { maxLength: 4 }), memory_mib: fc.integer({ min: 1, max: 1e6 }) },
      { requiredKeys: ['gpus'] },
    ),
    payout: fc.constant(payout),
  },
  { requiredKeys: ['models', 'slots', 'data_collection', 'engine', 'agent'] },
)
const time = fc.nat({ max: Number.MAX_SAFE_INTEGER })

function flipped(text: string, bit: number): string {
  const bytes = fromBase64Url(text)
  const at = bit % (bytes.length * 8)
  bytes[at >> 3]! ^= 1 << (at & 7)
  return toBase64Url(bytes)
}

describe('a signed capability record', () => {
  it('says what its provider said, and when', () => {
    fc.assert(
      fc.property(capability, time, (said, issuedAt) => {
        const signed = sign(said, signer, issuedAt)
        expect(signedCapabilitySchema.parse(JSON.parse(JSON.stringify(signed)))).toEqual(signed)
        const { record, signature } = signed
        expect(openCapability(signer.peer, signed)).toEqual({
          capability: said,
          issuedAt,
          announcement: { record, signature },
        })
      }),
    )
  })

  it('is good for no other bit, in any of its parts', () => {
    const signed = sign(full)
    fc.assert(
      fc.property(
        fc.constantFrom('record' as const, 'signature' as const, 'hidden' as const),
        fc.nat(),
        (part, bit) => {
          const changed = { ...signed, [part]: flipped(signed[part], bit) }
          const fault = part === 'hidden' ? 'hidden' : 'signature'
          expect(faultOf(() => openCapability(signer.peer, changed))).toBe(fault)
        },
      ),
    )
  })

  it('is good for no other key', () => {
    fc.assert(
      fc.property(capability, (said) => {
        const signed = sign(said)
        expect(faultOf(() => openCapability(newSigner().peer, signed))).toBe('signature')
        expect(faultOf(() => openCapability('nobody', signed))).toBe('signature')
      }),
      { numRuns: 20 },
    )
  })

  it('of another is not taken for its signer’s own', () => {
    const other = newSigner()
    const stolen = sign(full, { ...signer, peer: other.peer })
    expect(faultOf(() => openCapability(signer.peer, stolen))).toBe('peer')
    expect(faultOf(() => openCapability(other.peer, stolen))).toBe('signature')
  })

  it('is signed as documented', () => {
    const { record, signature } = sign(full)
    const bytes = Buffer.concat([
      Buffer.from('infernet/capability/1\0'),
      Buffer.from(record, 'base64url'),
    ])
    expect(Buffer.from(signer.sign(bytes)).toString('base64url')).toBe(signature)
    expect(JSON.parse(textOf(record))).toMatchObject({
      v: 1,
      peer: signer.peer,
      issued_at: NOW,
      capability: { slots: 2, hardware: { gpus: [{ name: 'H100' }, { name: 'M4' }] } },
    })
  })
})

describe('what can be shown of it', () => {
  it('has neither where its money goes nor what tells its cards from others', () => {
    const { record, signature } = sign(full)
    const shown = readAnnouncement(signer.peer, { record, signature })
    for (const text of [textOf(record), JSON.stringify(shown)])
      for (const secret of [card(1), 'id_sha256', 'payout', 'wallet', payout.signature])
        expect(text).not.toContain(secret)
    expect(shown.capability.hardware?.gpus).toEqual([
      { vendor: 'nvidia', name: 'H100', vram_mib: 81_559 },
      { vendor: 'apple', name: 'M4' },
    ])
  })

  it('does not tell by its hash whether the same is hidden', () => {
    const hashOf = (salt: Uint8Array) => {
      const signed = signCapability(signer, full, { issuedAt: NOW, salt })
      return readAnnouncement(signer.peer, signed).hidden_sha256
    }
    expect(hashOf(SALT)).not.toBe(hashOf(new Uint8Array(32)))
  })

  const { record, hidden } = sign(full)
  const said = JSON.parse(textOf(record))
  const secrets = JSON.parse(textOf(hidden))
  it.each<[string, string, unknown, unknown]>([
    ['a payout in the open', 'malformed', { ...said, capability: { ...plain, payout } }, secrets],
    ['a card’s hash in the open', 'malformed', { ...said, capability: full }, secrets],
    ['another version', 'malformed', { ...said, v: 2 }, secrets],
    ['no time', 'malformed', { ...said, issued_at: undefined }, secrets],
    ['no slots', 'malformed', { ...said, capability: { ...plain, slots: 0 } }, secrets],
    ['something else hidden', 'hidden', said, { ...secrets, cards: [null, null] }],
  ])('is not believed with %s', (_, fault, record, hidden) => {
    expect(faultOf(() => openCapability(signer.peer, forge(record, hidden)))).toBe(fault)
  })

  it('says which field is wrong', () => {
    const wrong = forge({ ...said, capability: { ...plain, slots: 0 } }, secrets)
    expect(() => openCapability(signer.peer, wrong)).toThrow('capability.slots')
  })
})

describe('what is hidden of it', () => {
  const signedWith = async (hidden: unknown, said: Capability = plain) => {
    const { hash } = await import('node:crypto')
    const bytes = encodeControl(hidden)
    const shown = { ...said, payout: undefined }
    const record = { v: 1, peer: signer.peer, issued_at: NOW, capability: shown }
    return forge({ ...record, hidden_sha256: hash('sha256', bytes) }, hidden)
  }
  const salt = toBase64Url(SALT)

  it.each<[string, unknown]>([
    ['without a salt', { cards: [] }],
    ['with a short salt', { salt: salt.slice(1), cards: [] }],
    ['with a card that the record does not have', { salt, cards: [card(1)] }],
    ['with a payout that is not signed', { salt, cards: [], payout: { to: { kind: 'invoice' } } }],
  ])('is not believed %s', async (_, hidden) => {
    const signed = await signedWith(hidden)
    expect(faultOf(() => openCapability(signer.peer, signed))).toBe('hidden')
  })

  it('is taken when it was signed', async () => {
    const opened = openCapability(signer.peer, await signedWith({ salt, cards: [], payout }))
    expect(opened.capability).toEqual({ ...plain, payout })
  })
})

describe('its bounds', () => {
  it('hold the largest record, and no larger one', () => {
    const gpus = Array.from({ length: MAX_ANNOUNCED_GPUS }, (_, n) => ({
      vendor: 'nvidia' as const,
      name: 'x',
      id_sha256: card(n),
    }))
    const address = `${'a'.repeat(60)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example`
    const wishes = { to: { kind: 'lightning_address', address } } as const
    const most: Capability = {
      ...plain,
      models: [],
      hardware: { gpus },
      payout: signPayout(signer, { ...wishes, when: 'threshold', threshold_sat: 1e6 }, NOW),
    }
    const room = () => MAX_CAPABILITY_BYTES - encodeControl(most).length
    while (most.models.length < MAX_MODELS_PER_PROVIDER && room() > 400)
      most.models.push(offer('m'.repeat(120)))
    most.models.push(offer('m'.repeat(1)))
    most.models.push(offer('m'.repeat(Math.min(128, Math.max(1, room() - 135)))))
    const signed = sign(most)
    expect(signedCapabilitySchema.parse(signed)).toEqual(signed)
    expect(openCapability(signer.peer, signed).capability).toEqual(most)
    most.models.push(...Array.from({ length: 4 }, () => offer('m'.repeat(128))))
    expect(room()).toBeLessThan(0)
    expect(faultOf(() => openCapability(signer.peer, sign(most)))).toBe('too_large')
  })

  it('of its time are those of a login, and the record before it', () => {
    const judge = (issuedAt: number, before?: number) =>
      faultOf(() => checkIssuedAt(issuedAt, { now: NOW, before }))
    expect(judge(0)).toBeUndefined()
    expect(judge(NOW, NOW)).toBeUndefined()
    expect(judge(NOW - 1, NOW)).toBe('old')
    expect(judge(NOW + MAX_CLOCK_SKEW_MS)).toBeUndefined()
    expect(judge(NOW + MAX_CLOCK_SKEW_MS + 1)).toBe('future')
  })
})
