import { createHash } from 'node:crypto'
import { bundleId } from '@infernet/schemas/ids'
import { decodeInvoice } from '@infernet/settlement/bolt11/decode-invoice'
import { writeAuthorization } from '@infernet/settlement/l402/authorization'
import { mintToken } from '@infernet/settlement/l402/credential'
import { MasterKeys, TOKEN_RANDOM_BYTES } from '@infernet/settlement/l402/root-key'
import { expect, it } from 'vitest'
import { clientInvoice } from '../testing/fake-settler.ts'
import { BundleRing } from './bundle-ring.ts'

it('makes and checks tokens, and reads invoices, on Workers too', () => {
  const keys = new MasterKeys([new Uint8Array(32).fill(7)])
  const preimage = new Uint8Array(32).fill(1)
  const paymentHash = new Uint8Array(createHash('sha256').update(preimage).digest())
  const random = crypto.getRandomValues(new Uint8Array(TOKEN_RANDOM_BYTES))
  const macaroon = mintToken(keys, { paymentHash, random, limits: { validUntil: 2000 } }, 1_000_000)
  const identity = new BundleRing(keys).identify(writeAuthorization({ macaroon, preimage }))
  expect(identity?.accountId).toBe(bundleId(Buffer.from(paymentHash).toString('hex')))
  expect(decodeInvoice(clientInvoice(5000n, 1_000_000)).amountMsat).toBe(5000n)
})
