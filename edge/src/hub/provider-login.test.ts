import { CLOSE } from '@infernet/schemas/close-codes'
import { encodeFrame, FRAME } from '@infernet/schemas/frame'
import { CHALLENGE_TTL_MS, MAX_CAPABILITY_BYTES, MAX_CLOCK_SKEW_MS } from '@infernet/schemas/limits'
import { signPayout } from '@infernet/schemas/payout-statement'
import { encodeControl, PROTOCOL, type Hello, type SignedCapability } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { AUDIENCE, FakeProvider, modelOffer } from '../testing/fake-provider.ts'
import { capabilityOf } from '../testing/test-edge.ts'
import { answerLogin, challengeFor, challengeMessage } from './provider-login.ts'
import type { ProviderHub } from './provider-hub.ts'

const NOW = 1_000_000
const challenge = challengeFor(AUDIENCE, 'n'.repeat(43), NOW)
/** A provider that no hub listens to: only its key is used. */
const provider = new FakeProvider({} as ProviderHub)
const hello = (fields: Partial<Hello> = {}): Hello => ({
  ...provider.hello({ capability: capabilityOf(), now: NOW, challenge }),
  ...fields,
})
const frameOf = (value: unknown) => encodeFrame(FRAME.hello, 0, encodeControl(value))
const judge = (value: unknown, now = NOW) => answerLogin(challenge, frameOf(value), now)

describe('a login', () => {
  it('begins with a challenge that names versions, audience, nonce and time', () => {
    const stranger = new FakeProvider({} as ProviderHub)
    stranger.socket.send(challengeMessage(challenge))
    expect(stranger.challenge).toEqual({
      versions: PROTOCOL,
      audience: AUDIENCE,
      nonce: 'n'.repeat(43),
      now: NOW,
    })
  })

  it('is good with the right signature in time', async () => {
    const { capability: signed, ...login } = hello()
    const { record, signature } = signed
    expect(await judge({ ...login, capability: signed }, NOW + CHALLENGE_TTL_MS)).toEqual({
      ok: true,
      peer: provider.peer,
      version: 1,
      capability: capabilityOf(),
      issuedAt: NOW,
      announcement: { record, signature },
    })
  })

  it('is good with a payout of its own', async () => {
    const payout = signPayout(provider.key, { to: { kind: 'invoice' } }, NOW)
    const capability = capabilityOf({ payout })
    const signed = provider.hello({ capability, now: NOW, challenge })
    expect(await judge(signed)).toMatchObject({ ok: true, capability: { payout } })
  })

  it.each<[string, unknown, number, string, number?]>([
    ['late', hello(), CLOSE.unauthorized, 'late', NOW + CHALLENGE_TTL_MS + 1],
    ['for another edge', elsewhere(), CLOSE.unauthorized, 'signature'],
    ['signed for another time', hello({ timestamp: NOW + 1 }), CLOSE.unauthorized, 'signature'],
    ['of no version', {}, CLOSE.protocol, 'protocol'],
    ['of a later version, whatever else it holds', { version: 9 }, CLOSE.version, 'version'],
    ['with a name that is no key', hello({ peer: 'x' as never }), CLOSE.protocol, 'protocol'],
    ['with another’s payout', paidToAnother(), CLOSE.payout, 'payout'],
    ['with an unsigned payout', unsigned(), CLOSE.protocol, 'protocol'],
    ['with too large a record', tooLarge(), CLOSE.protocol, 'protocol'],
    [
      'with an unsigned record',
      { ...hello(), capability: capabilityOf() },
      CLOSE.protocol,
      'protocol',
    ],
    ['with another’s record', withRecord(stranger()), CLOSE.protocol, 'protocol'],
    ['with a record that hides another’s', withRecord(mixed()), CLOSE.protocol, 'protocol'],
    ['with a record of later', withRecord(later()), CLOSE.protocol, 'protocol'],
  ])('is refused when it comes %s', async (_, value, code, fault, now) => {
    expect(await judge(value, now)).toMatchObject({ ok: false, code, fault })
  })

  it('is one frame and nothing else', async () => {
    const frame = frameOf(hello())
    const two = Buffer.concat([frame, frame])
    expect(await answerLogin(challenge, two, NOW)).toMatchObject({ code: CLOSE.protocol })
  })
})

function elsewhere(): Hello {
  const other = challengeFor('other.test', challenge.nonce, NOW)
  return provider.hello({ capability: capabilityOf(), now: NOW, challenge: other })
}

/** Its own wishes, which a stranger has signed. */
function paidToAnother(): Hello {
  const other = new FakeProvider({} as ProviderHub).key
  const payout = signPayout({ ...other, peer: provider.peer }, { to: { kind: 'invoice' } }, NOW)
  return provider.hello({ capability: capabilityOf({ payout }), now: NOW, challenge })
}

function unsigned(): unknown {
  const capability = { ...capabilityOf(), payout: { to: { kind: 'invoice' } } } as never
  return provider.hello({ capability, now: NOW, challenge })
}

function withRecord(capability: SignedCapability): Hello {
  return hello({ capability })
}

function stranger(): SignedCapability {
  return new FakeProvider({} as ProviderHub).signed(capabilityOf(), NOW)
}

function mixed(): SignedCapability {
  const { hidden } = provider.signed(capabilityOf(), NOW)
  return { ...provider.signed(capabilityOf(), NOW), hidden }
}

function later(): SignedCapability {
  return provider.signed(capabilityOf(), NOW + MAX_CLOCK_SKEW_MS + 1)
}

function tooLarge(): Hello {
  const models = Array.from({ length: 64 }, (_, i) => modelOffer(`${i}`.padEnd(128, 'm')))
  const capability = capabilityOf({ models })
  expect(JSON.stringify(capability).length).toBeGreaterThan(MAX_CAPABILITY_BYTES)
  return provider.hello({ capability, now: NOW, challenge })
}
