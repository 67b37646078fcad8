import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_INVOICE_LENGTH } from '../bolt11/invoice.ts'
import { serializeMacaroon } from '../macaroon/macaroon-binary.ts'
import { attenuate, mintMacaroon } from '../macaroon/macaroon.ts'
import { readAuthorization } from './authorization.ts'
import { writeChallenge } from './challenge.ts'
import { L402Error } from './l402-error.ts'

const macaroon = mintMacaroon(new Uint8Array(32), {
  identifier: new Uint8Array(66),
  caveats: ['services=infer:0'],
})
const token = Buffer.from(serializeMacaroon(macaroon)).toString('base64')
const codeOf = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (error instanceof L402Error) return error.code
    throw error
  }
  return 'ok'
}

describe('writeChallenge', () => {
  it('has the token under its new name and its old one, and the invoice', () => {
    expect(writeChallenge({ macaroon, invoice: 'lnbc10u1pexample' })).toBe(
      `L402 version="0", token="${token}", macaroon="${token}", invoice="lnbc10u1pexample"`,
    )
  })

  it('hands out what a client can show as it is', () => {
    const challenge = writeChallenge({ macaroon, invoice: 'lnbcrt1x' })
    const handed = /macaroon="([^"]*)"/.exec(challenge)?.[1]
    const preimage = new Uint8Array(32).fill(5)
    expect(readAuthorization(`L402 ${handed}:${'05'.repeat(32)}`)).toEqual({ macaroon, preimage })
  })

  it('is one header, whatever an invoice is said to be', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `lnbc${text}`),
        ),
        (invoice) => {
          const code = codeOf(() => {
            expect(writeChallenge({ macaroon, invoice })).toMatch(/^[\x20-\x7e]+$/)
          })
          expect(code).toBe(/^ln[a-z0-9]+$/.test(invoice) ? 'ok' : 'bad_invoice')
        },
      ),
    )
    const invoice = 'ln'.padEnd(MAX_INVOICE_LENGTH, 'x')
    expect(codeOf(() => writeChallenge({ macaroon, invoice }))).toBe('ok')
    expect(codeOf(() => writeChallenge({ macaroon, invoice: `${invoice}x` }))).toBe('bad_invoice')
  })

  it('hands out no token that could not be shown again', () => {
    let large = macaroon
    for (let count = 0; count < 5; count++) large = attenuate(large, 'x'.repeat(500))
    expect(codeOf(() => writeChallenge({ macaroon: large, invoice: 'lnbc1x' }))).toBe('too_long')
  })
})
