import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { payoutWishesSchema, type PayoutWishes } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { payoutText, payoutTimeText, readPayoutFlags, type PayoutFlags } from './payout-plan.ts'

const PUBKEY = `02${'ab'.repeat(32)}`
const directory = mkdtempSync(join(tmpdir(), 'infernet-'))
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
const lndCert = file('tls.cert', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
const lndMacaroon = file('agent.macaroon', Uint8Array.of(2, 1, 0xff))
const node = { payout: 'lnd', lnd: '127.0.0.1:10009', lndCert, lndMacaroon }

describe('the options of a payout', () => {
  it.each<[PayoutFlags, PayoutWishes]>([
    [
      { payout: 'Alice@Wallet.example ' },
      { to: { kind: 'lightning_address', address: 'alice@wallet.example' } },
    ],
    [
      { payout: `keysend:${PUBKEY.toUpperCase()}`, payoutWhen: 'at_once' },
      { to: { kind: 'keysend', pubkey: PUBKEY }, when: 'at_once' },
    ],
    [
      { payout: 'a@b.example', payoutThresholdSat: 500 },
      {
        to: { kind: 'lightning_address', address: 'a@b.example' },
        when: 'threshold',
        threshold_sat: 500,
      },
    ],
    [
      { ...node, payoutWhen: 'threshold' },
      { to: { kind: 'invoice' }, when: 'threshold' },
    ],
  ])('%j are what the edge is told', (flags, payout) => {
    expect(readPayoutFlags(flags)?.payout).toEqual(payout)
    expect(payoutWishesSchema.parse(payout)).toEqual(payout)
  })

  it('are no more than an option', () => {
    expect(readPayoutFlags({})).toBeUndefined()
  })

  it('name the files of the own node', () => {
    expect(readPayoutFlags(node)?.lnd).toEqual({
      socket: '127.0.0.1:10009',
      certificate: expect.stringContaining('BEGIN CERTIFICATE') as string,
      macaroon: '0201ff',
    })
    expect(readPayoutFlags({ payout: 'a@b.example' })).not.toHaveProperty('lnd')
  })

  it.each<[string, PayoutFlags]>([
    ['--payout takes a Lightning address', { payout: 'alice' }],
    ['--payout takes a Lightning address', { payout: 'lnbc1' }],
    ['66 hex digits', { payout: 'keysend:02ab' }],
    ['with --payout', { payoutWhen: 'at_once' }],
    ['with --payout', { payoutThresholdSat: 5 }],
    ['at_once or threshold', { payout: 'a@b.example', payoutWhen: 'never' }],
    ['threshold', { payout: 'a@b.example', payoutWhen: 'at_once', payoutThresholdSat: 5 }],
    ['go with --payout lnd', { ...node, payout: 'a@b.example' }],
    ['go with --payout lnd', { lnd: node.lnd }],
    ['needs --lnd HOST:PORT', { payout: 'lnd' }],
    ['HOST:PORT', { ...node, lnd: 'https://127.0.0.1:8080' }],
    ['--lnd-cert: ENOENT', { ...node, lndCert: join(directory, 'none') }],
    ['not a PEM certificate', { ...node, lndCert: lndMacaroon }],
    ['not a macaroon', { ...node, lndMacaroon: file('empty', '') }],
    ['not a macaroon', { ...node, lndMacaroon: file('large', new Uint8Array(9000)) }],
  ])('say what is wrong: …%s…', (message, flags) => {
    expect(() => readPayoutFlags(flags)).toThrow(
      expect.objectContaining({
        name: 'PayoutFlagError',
        message: expect.stringContaining(message) as string,
      }),
    )
  })

  it('can be read back by the owner', () => {
    const to = { kind: 'lightning_address', address: 'a@b.example' } as const
    expect(payoutText({ to })).toBe('a@b.example')
    expect(payoutText({ to: { kind: 'keysend', pubkey: PUBKEY } })).toContain(PUBKEY)
    expect(payoutText({ to: { kind: 'invoice' } })).toContain('your own node')
    expect(payoutTimeText({ to })).toBe('when the edge pays out')
    expect(payoutTimeText({ to, when: 'at_once' })).toContain('as soon as')
    expect(payoutTimeText({ to: { kind: 'invoice' }, when: 'at_once' })).toBe('at once')
    expect(payoutTimeText({ to, when: 'threshold' })).toContain('threshold')
    expect(payoutTimeText({ to, when: 'threshold', threshold_sat: 5 })).toBe('from 5 sat on')
  })
})
