import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeInvoice, type InvoiceDraft } from '@infernet/settlement/bolt11/encode-invoice'
import { AGENT_URIS } from '@infernet/settlement/lightning/lnd/macaroon-roles'
import { PUBLIC_INTERNET, type GuardedFetchPorts } from '@infernet/settlement/lnurl/guarded-fetch'
import { SimReceiver } from '@infernet/settlement/testing/sim-receiver'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHash } from 'node:crypto'
import { loadIdentity } from '../identity.ts'
import { lndIssuer } from '../payout/lnd-issuer.ts'
import type { PayoutFlags } from '../payout/payout-plan.ts'
import type { Finding } from './check.ts'
import { payoutCheck } from './payout-check.ts'

const NOW = 1_790_000_000_000
const METADATA = '[["text/plain","for me"]]'
const ADDRESS = { payout: 'me@wallet.example' }
const key = loadIdentity(join(mkdtempSync(join(tmpdir(), 'infernet-')), 'key.pem')).identity

/** A wallet's server: what it takes, and the invoice that it gives. */
interface Wallet {
  readonly terms?: object
  /** How its invoice is otherwise than asked for; a text in place of one. */
  readonly invoice?: Partial<InvoiceDraft> | string
  readonly asked?: string[]
}

const wallet = ({ terms, invoice = {}, asked = [] }: Wallet): GuardedFetchPorts => ({
  policy: PUBLIC_INTERNET,
  resolve: async () => ['9.9.9.9'],
  get: async (url) => {
    asked.push(url.href)
    const amount = url.searchParams.get('amount')
    const answer = amount === null ? { ...TERMS, ...terms } : { pr: invoiceOf(amount, invoice) }
    return { status: 200, body: JSON.stringify(answer) }
  },
})

const TERMS = {
  tag: 'payRequest',
  callback: 'https://wallet.example/pay',
  minSendable: 1000,
  maxSendable: 10_000_000_000,
  metadata: METADATA,
}

const invoiceOf = (amount: string, change: Partial<InvoiceDraft> | string): string => {
  if (typeof change === 'string') return change
  return encodeInvoice(
    {
      network: 'regtest',
      amountMsat: BigInt(amount),
      timestamp: NOW / 1000,
      paymentHash: '11'.repeat(32),
      paymentSecret: '22'.repeat(32),
      description: { kind: 'hash', sha256: createHash('sha256').update(METADATA).digest('hex') },
      ...change,
    },
    new Uint8Array(32).fill(7),
  )
}

interface Look {
  readonly network?: string | undefined
  readonly ports?: GuardedFetchPorts
  readonly hasKey?: boolean
}

async function look(
  flags: PayoutFlags,
  { network, ports = wallet({}), hasKey = true }: Look = {},
): Promise<Finding> {
  const check = payoutCheck({
    flags,
    network: async () => network,
    issuer: (node) => (hasKey ? lndIssuer(node, key, () => 0) : undefined),
    now: () => NOW,
    ports,
  })
  return check.run(new AbortController().signal)
}

describe('the check of where earnings go', () => {
  it('warns where nothing is said, and fails where nobody can read it', async () => {
    expect((await look({})).outcome).toBe('warning')
    expect(await look({ payout: 'nowhere' })).toMatchObject({
      outcome: 'failed',
      fix: 'write it like --payout me@wallet.example',
    })
  })

  it('tells a key of a node from 66 digits, and claims no more than it knows', async () => {
    const good = `keysend:02${'79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'}`
    expect(await look({ payout: good }, { network: 'mainnet' })).toMatchObject({
      outcome: 'ok',
      said: expect.stringMatching(/on mainnet; only a payment shows/) as string,
    })
    const bad = `keysend:02${'f'.repeat(64)}`
    expect(await look({ payout: bad })).toMatchObject({ outcome: 'failed' })
  })
})

describe('the check of a Lightning address', () => {
  it('has it give an invoice of a payout’s amount on the edge’s network', async () => {
    const asked: string[] = []
    const found = await look(ADDRESS, { network: 'regtest', ports: wallet({ asked }) })
    expect(found).toEqual({
      outcome: 'ok',
      said: 'me@wallet.example takes from 1 to 10000000 sat, and gave an invoice on regtest',
    })
    expect(asked.at(-1)).toBe('https://wallet.example/pay?amount=1000000')
  })

  it('asks for no invoice where the edge does not say on which network it pays', async () => {
    const asked: string[] = []
    const found = await look(ADDRESS, { ports: wallet({ asked }) })
    expect(found).toMatchObject({ outcome: 'ok' })
    expect(asked).not.toContain(expect.stringContaining('amount'))
    expect(asked.every((url) => !url.includes('amount'))).toBe(true)
  })

  it('fails where its wallet is on another network', async () => {
    const ports = wallet({ invoice: { network: 'mainnet' } })
    expect(await look(ADDRESS, { network: 'regtest', ports })).toMatchObject({
      outcome: 'failed',
      said: expect.stringContaining('is for mainnet') as string,
      fix: expect.stringContaining('pays on regtest') as string,
    })
  })

  it.each<[string, Partial<InvoiceDraft> | string, RegExp]>([
    ['for another amount', { amountMsat: 5n }, /such a wallet/],
    ['of other metadata', { description: { kind: 'text', text: 'for me' } }, /such a wallet/],
    ['that nobody can read', 'lnbcrt1nonsense', /such a wallet/],
    ['that has expired', { timestamp: NOW / 1000 - 4_000 }, /clock/],
  ])('blames no network for an invoice %s', async (_, invoice, fix) => {
    const found = await look(ADDRESS, { network: 'regtest', ports: wallet({ invoice }) })
    expect(found).toMatchObject({ outcome: 'failed', fix: expect.stringMatching(fix) as string })
    expect(found.fix).not.toContain('regtest')
  })

  it('fails where no amount lies within its bounds', async () => {
    const ports = wallet({ terms: { minSendable: 3_000_000, maxSendable: 2_000_000 } })
    expect(await look(ADDRESS, { network: 'regtest', ports })).toMatchObject({
      outcome: 'failed',
      fix: expect.stringContaining('such a wallet') as string,
    })
  })

  it('fails where it takes less than a payout is, and warns where it takes more', async () => {
    const small = wallet({ terms: { maxSendable: 999_999 } })
    expect((await look(ADDRESS, { network: 'regtest', ports: small })).outcome).toBe('failed')
    const large = wallet({ terms: { minSendable: 5_000_001 } })
    const found = await look(ADDRESS, { network: 'regtest', ports: large })
    expect(found).toMatchObject({
      outcome: 'warning',
      fix: 'add --payout-when threshold --payout-threshold-sat 5001',
    })
    const fixed = { ...ADDRESS, payoutWhen: 'threshold', payoutThresholdSat: 5001 }
    expect((await look(fixed, { network: 'regtest', ports: large })).outcome).toBe('ok')
  })

  it('fails where its service says no, and only warns where it is not to be reached', async () => {
    const terms = { status: 'ERROR', reason: 'no such user' }
    expect(await look(ADDRESS, { ports: wallet({ terms }) })).toMatchObject({
      outcome: 'failed',
      said: 'me@wallet.example: no such user',
    })
    const ports: GuardedFetchPorts = { ...wallet({}), get: () => Promise.reject(new Error('down')) }
    expect(await look(ADDRESS, { ports })).toMatchObject({
      outcome: 'warning',
      fix: expect.any(String) as string,
    })
  })

  it('asks nobody on this network', async () => {
    const asked: string[] = []
    const inside = { ...wallet({ asked }), resolve: async () => ['192.168.0.1'] }
    expect((await look(ADDRESS, { ports: inside })).outcome).toBe('failed')
    expect(asked).toEqual([])
  })
})

describe('the check of an own node', () => {
  let node: SimReceiver
  beforeAll(async () => {
    node = await SimReceiver.start()
  })
  afterAll(() => node.close())

  function ownNode(uris: readonly string[] = AGENT_URIS): PayoutFlags {
    const { socket, certificate, macaroon } = node.address(uris)
    const directory = mkdtempSync(join(tmpdir(), 'infernet-'))
    const lndCert = join(directory, 'tls.cert')
    const lndMacaroon = join(directory, 'agent.macaroon')
    writeFileSync(lndCert, certificate)
    writeFileSync(lndMacaroon, Buffer.from(macaroon, 'hex'))
    return { payout: 'lnd', lnd: socket, lndCert, lndMacaroon }
  }

  it('has it give an invoice, always the same one, and names its network', async () => {
    const found = await look(ownNode(), { network: 'regtest' })
    expect(found).toMatchObject({
      outcome: 'ok',
      said: expect.stringMatching(/\(SIMULATED\) on regtest gave an invoice$/) as string,
    })
    await look(ownNode())
    const invoices = []
    for await (const invoice of node.backend.listInvoices(0n, new AbortController().signal))
      invoices.push(invoice)
    expect(invoices).toMatchObject([{ amountMsat: 1000n, memo: 'infernet doctor' }])
  })

  it('fails where it is on another network than the edge', async () => {
    expect(await look(ownNode(), { network: 'mainnet' })).toMatchObject({
      outcome: 'failed',
      said: expect.stringContaining('this edge pays on mainnet') as string,
    })
  })

  it('fails where the macaroon allows no invoices, or the node is not there', async () => {
    const weak = await look(ownNode(['/lnrpc.Lightning/GetInfo']))
    expect(weak).toMatchObject({
      outcome: 'failed',
      said: 'its macaroon does not allow it to make invoices',
      fix: expect.stringContaining('bake a macaroon') as string,
    })
    const gone = await look({ ...ownNode(), lnd: '127.0.0.1:1' })
    expect(gone).toMatchObject({
      outcome: 'failed',
      fix: expect.stringContaining('does LND run') as string,
    })
  })

  it('does not blame the macaroon for a node that ends before it gave an invoice', async () => {
    node.faults.plan('AddInvoice', { kind: 'refuse' })
    expect(await look(ownNode())).toMatchObject({
      outcome: 'failed',
      said: 'its Lightning node cannot be reached',
      fix: expect.stringContaining('does LND run') as string,
    })
  })

  it('is left alone before there is a key to make invoices with', async () => {
    expect(await look(ownNode(), { hasKey: false })).toMatchObject({
      outcome: 'ok',
      said: expect.stringContaining('when there is a key') as string,
    })
  })
})
