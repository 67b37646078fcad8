import { readAuthorization, writeApiKey } from '@infernet/settlement/l402/authorization'
import type { Credential } from '@infernet/settlement/l402/credential'
import { MasterKeys } from '@infernet/settlement/l402/root-key'
import { attenuate } from '@infernet/settlement/macaroon/macaroon'
import { FakeSettler } from './fake-settler.ts'
import { ADDRESS_HEADER, startEdge, type TestEdge } from './test-edge.ts'

const MASTER_KEYS = new MasterKeys([new Uint8Array(32).fill(7)])

/** An edge that sells bundles, and the settler who makes their invoices. */
export async function sellingEdge(): Promise<{ edge: TestEdge; settler: FakeSettler }> {
  const edge = await startEdge({ masterKeys: MASTER_KEYS })
  return { edge, settler: await new FakeSettler(edge).start() }
}

/** A chat of somebody without a key. */
export const strange = (
  edge: TestEdge,
  fields: Record<string, unknown> = {},
  address = '192.0.2.1',
): Promise<Response> =>
  edge.chat(fields, { headers: { authorization: '', [ADDRESS_HEADER]: address } })

/** The body of a 402. */
export interface PaymentBody {
  readonly error: { readonly code: string; readonly message: string }
  readonly l402: {
    readonly invoice: string
    readonly token: string
    readonly price_msat: string
    readonly amount_sat: number
    readonly simulated: boolean
    readonly how: string
  }
}

export const paymentOf = async (response: Response): Promise<PaymentBody['l402']> =>
  ((await response.json()) as PaymentBody).l402

/** A bundle that was paid for: the header as L402 has it, and the same as an API key. */
export async function buyBundle(
  { edge, settler }: { edge: TestEdge; settler: FakeSettler },
  fields: Record<string, unknown> = {},
  { late = false, address = '192.0.2.1' } = {},
) {
  const { invoice, token, price_msat } = await paymentOf(await strange(edge, fields, address))
  const preimage = await settler.pay(invoice, late)
  const header = `L402 ${token}:${preimage}`
  const credential = readAuthorization(header)
  if (credential === undefined) throw new Error('That is no credential')
  return {
    invoice,
    header,
    key: writeApiKey(credential),
    credential,
    priceMsat: Number(price_msat),
  }
}

/** The credential as an API key, narrowed by caveats. */
export const narrowedKey = ({ macaroon, preimage }: Credential, ...caveats: string[]): string =>
  writeApiKey({ macaroon: caveats.reduce(attenuate, macaroon), preimage })
