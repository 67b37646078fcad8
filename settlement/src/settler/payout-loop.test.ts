import { signPayout } from '@infernet/schemas/payout-statement'
import { newSigner } from '@infernet/schemas/testing/signer'
import type { Payout, PayoutWishes } from '@infernet/schemas/wire'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PayableProvider } from './payable-providers.ts'
import { payoutDraft } from './payout-loop.ts'
import { payableOf, policyFor, retryAt } from './provider-policy.ts'

const SIGNER = newSigner()
const PEER = SIGNER.peer
const NODE = `02${'ab'.repeat(32)}`
const NOW = 1_000_000_000
const SETTINGS = {
  thresholdMsat: 1_000_000n,
  maxAgeMs: 86_400_000,
  dailyCapMsat: 5_000_000n,
  minimumMsat: 1_000n,
}

const provider = (payout: unknown, changes: Partial<PayableProvider> = {}): PayableProvider => ({
  peer: PEER,
  payout,
  owedMsat: 2_000_500n,
  oldestAt: NOW,
  sentTodayMsat: 0n,
  inFlight: false,
  failures: 0,
  failedAt: undefined,
  ...changes,
})

const draftOf = (payout: unknown, changes: Partial<PayableProvider> = {}) =>
  payoutDraft(provider(payout, changes), {
    settings: SETTINGS,
    now: () => NOW,
    newPayoutId: () => 'po_1',
  })

/** Of wishes that the provider has signed. */
const draft = (wishes: PayoutWishes, changes: Partial<PayableProvider> = {}) =>
  draftOf(signPayout(SIGNER, wishes, NOW), changes)

const address: PayoutWishes = { to: { kind: 'lightning_address', address: 'a@example.org' } }
const invoice: PayoutWishes = { to: { kind: 'invoice', pubkey: NODE } }
const keysend: PayoutWishes = { to: { kind: 'keysend', pubkey: NODE } }

describe('what is paid to a provider', () => {
  it('goes where its capability says', () => {
    expect(draft(keysend)).toEqual({
      id: 'po_1',
      owner: `provider:${PEER}`,
      amountMsat: 2_000_500n,
      feeReserveMsat: 0n,
      feeLimitMsat: 10_002n,
      destination: { kind: 'keysend', pubkey: NODE },
    })
    expect(() => draft({ to: { kind: 'invoice' } })).toThrow(
      expect.objectContaining({ code: 'not_signed' }),
    )
    const ours: PayoutWishes = { to: { kind: 'invoice', pubkey: NODE } }
    expect(draft(ours)?.destination).toEqual({ kind: 'ask', whom: PEER, payee: NODE })
  })

  it('is whole satoshis for a Lightning address', () => {
    expect(draft(address)).toMatchObject({
      amountMsat: 2_000_000n,
      destination: { kind: 'ask', whom: 'a@example.org' },
    })
    expect(draft(address, { owedMsat: 999n })).toBeUndefined()
  })

  it('is paid at once where that is direct, and else from the threshold on', () => {
    const little = { owedMsat: 1_000n }
    expect(draft({ ...keysend, when: 'at_once' }, little)).toMatchObject({ amountMsat: 1_000n })
    expect(draft({ ...invoice, when: 'at_once' }, little)).toMatchObject({ amountMsat: 1_000n })
    expect(draft({ ...address, when: 'at_once' }, little)).toBeUndefined()
    expect(draft(keysend, little)).toBeUndefined()
    expect(draft(keysend, { ...little, oldestAt: NOW - SETTINGS.maxAgeMs })).toBeDefined()
  })

  it('is as little as the operator’s channels carry, and a satoshi to an address', () => {
    const wished = provider(keysend, { owedMsat: 999n })
    for (const [minimumMsat, to, least] of [
      [1n, keysend, 1n],
      [1_000n, keysend, 1_000n],
      [1n, address, 1_000n],
    ] as const)
      expect(payableOf({ minimumMsat }, wished, to).destinationMinimumMsat).toBe(least)
  })

  it('knows the provider’s own threshold when it is above ours', () => {
    const of = (sat: number) => policyFor(SETTINGS, { ...keysend, threshold_sat: sat })
    expect([of(1).thresholdMsat, of(5_000).thresholdMsat]).toEqual([1_000_000n, 5_000_000n])
  })

  it('waits after failures, longer each time and never longer than a quarter of an hour', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), (failures) => {
        const wait = (count: number) => retryAt(provider(keysend, { failures: count, failedAt: 0 }))
        expect(wait(failures + 1)).toBeGreaterThanOrEqual(wait(failures))
        expect(wait(failures)).toBeLessThanOrEqual(15 * 60_000)
      }),
    )
    expect(draft(keysend, { failures: 1, failedAt: NOW - 59_999 })).toBeUndefined()
    expect(draft(keysend, { failures: 1, failedAt: NOW - 60_000 })).toBeDefined()
  })

  it('is nothing for wishes that nobody can read', () => {
    const signed = signPayout(SIGNER, keysend, NOW)
    const { signature: _, ...unsigned } = signed
    for (const payout of [
      {},
      unsigned,
      { ...signed, to: { kind: 'keysend', pubkey: 'x' } },
      { ...signed, to: { kind: 'cash' } },
    ])
      expect(() => draftOf(payout)).toThrow(
        expect.objectContaining({ name: 'ProviderPayoutError', code: 'unreadable' }),
      )
    expect(() => draftOf(unsigned)).toThrow(/^payout.signature: /)
  })

  const mine = signPayout(SIGNER, keysend, NOW)
  const theirs = { to: { kind: 'keysend', pubkey: `03${'cd'.repeat(32)}` } } as const
  it.each<[string, Payout]>([
    ['goes elsewhere', { ...mine, ...theirs }],
    ['comes another way', { ...mine, to: { kind: 'invoice', pubkey: NODE } }],
    ['comes at another time', { ...mine, when: 'at_once' }],
    ['was said later', { ...mine, issued_at: NOW + 1 }],
    ['another has signed', signPayout(newSigner(), keysend, NOW)],
    ['another has signed in its name', signPayout({ ...newSigner(), peer: PEER }, theirs, NOW)],
    ['nobody has signed', { ...mine, signature: '' }],
  ])('is nothing for wishes that are not its own: %s', (_name, payout) => {
    expect(() => draftOf(payout)).toThrow(
      expect.objectContaining({ name: 'ProviderPayoutError', code: 'not_signed' }),
    )
    expect(draftOf(payout, { owedMsat: 0n })).toBeUndefined()
  })
})
