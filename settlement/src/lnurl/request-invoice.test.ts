import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { encodeInvoice, type InvoiceDraft } from '../bolt11/encode-invoice.ts'
import { selfSignedCertificate } from '../lightning/self-signed-certificate.ts'
import { MAX_BODY_BYTES, PUBLIC_INTERNET, type GuardedFetchPorts } from './guarded-fetch.ts'
import { httpsGet, httpsPorts } from './https-ports.ts'
import { requestInvoice } from './request-invoice.ts'

const NOW = 1_790_000_000
const HOST = 'localhost.example'
const METADATA = '[["text/plain","An invoice"],["text/identifier","a@localhost.example"]]'
const key = new Uint8Array(32).fill(7)
const draft: InvoiceDraft = {
  network: 'regtest',
  amountMsat: 5_000n,
  timestamp: NOW,
  paymentHash: '11'.repeat(32),
  paymentSecret: '22'.repeat(32),
  description: { kind: 'hash', sha256: bytesToHex(sha256(utf8ToBytes(METADATA))) },
}
const bolt11 = encodeInvoice(draft, key)

/** What the service on loopback says to the two requests; each test changes what it needs. */
let service: {
  terms: object
  answer: object
  handle: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
}
let server: Server
let origin: string
let ports: GuardedFetchPorts

/** The way to loopback that only a test has: this server's address, port and certificate. */
beforeAll(async () => {
  const { certificate, privateKey } = selfSignedCertificate('lnurl', new Date())
  server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    if (service.handle?.(request, response) === true) return
    const body = request.url?.startsWith('/.well-known') ? service.terms : service.answer
    response.end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  origin = `https://localhost:${port}`
  const get = httpsGet({ ca: certificate })
  ports = {
    resolve: async () => ['127.0.0.1'],
    get: (url, address, options) => {
      const local = new URL(url)
      local.host = `localhost:${port}`
      return get(local, address, options)
    },
    policy: { allowsAddress: (address) => address === '127.0.0.1', allowsPort: () => true },
  }
})
afterAll(() => server.close())
beforeEach(() => {
  service = {
    terms: {
      tag: 'payRequest',
      callback: `${origin}/pay?id=1`,
      minSendable: 1_000,
      maxSendable: 1_000_000,
      metadata: METADATA,
    },
    answer: { pr: bolt11, routes: [] },
    handle: undefined,
  }
})

const ask = (change: Partial<Parameters<typeof requestInvoice>[0]> = {}, through = ports) =>
  requestInvoice(
    {
      destination: `a@${HOST}`,
      amountMsat: 5_000n,
      network: 'regtest',
      now: NOW + 10,
      signal: new AbortController().signal,
      ...change,
    },
    through,
  )
const failure = (code: string) => expect.objectContaining({ name: 'LnurlError', code })

describe('requestInvoice', () => {
  it('asks for the terms and then for the invoice', async () => {
    const urls: string[] = []
    service.handle = (request) => {
      urls.push(request.url ?? '')
      return false
    }
    expect(await ask()).toMatchObject({ bolt11, invoice: { amountMsat: 5_000n } })
    expect(urls).toEqual(['/.well-known/lnurlp/a', '/pay?id=1&amount=5000'])
  })

  it.each<[string, string, object]>([
    ['another amount', 'invoice', { amountMsat: 5_001n }],
    ['no amount', 'invoice', { amountMsat: undefined }],
    ['another network', 'network', { network: 'mainnet' }],
    ['other metadata', 'invoice', { description: { kind: 'hash', sha256: '00'.repeat(32) } }],
    ['a description of its own', 'invoice', { description: { kind: 'text', text: 'x' } }],
    ['an expired date', 'expired', { timestamp: NOW - 4_000 }],
  ])('refuses an invoice with %s', async (_, code, change) => {
    service.answer = { pr: encodeInvoice({ ...draft, ...change }, key) }
    await expect(ask()).rejects.toEqual(failure(code))
  })

  it('refuses what is no invoice', async () => {
    service.answer = { pr: 'lnbc1nonsense' }
    await expect(ask()).rejects.toEqual(failure('invoice'))
  })

  it('keeps to what the service takes', async () => {
    await expect(ask({ amountMsat: 999n })).rejects.toEqual(failure('amount_out_of_range'))
    await expect(ask({ amountMsat: 1_000_001n })).rejects.toEqual(failure('amount_out_of_range'))
  })

  it("hands on the service's refusal, shortened", async () => {
    service.terms = { status: 'ERROR', reason: `closed${'!'.repeat(500)}` }
    const error = await ask().catch((caught: unknown) => caught)
    expect(error).toEqual(failure('refused'))
    expect((error as Error).message).toHaveLength(200)
  })

  it.each<[string, object]>([
    ['another tag', { tag: 'withdrawRequest' }],
    ['a fraction', { minSendable: 0.5 }],
    ['no callback', { callback: undefined }],
    ['metadata that is no text', { metadata: [] }],
  ])('refuses terms with %s', async (_, change) => {
    service.terms = { ...service.terms, ...change }
    await expect(ask()).rejects.toEqual(failure('response'))
  })
})

describe('its requests', () => {
  it('go only where everybody could go', async () => {
    const get = vi.fn<GuardedFetchPorts['get']>()
    const guarded = (...addresses: string[]) => ({
      resolve: async () => addresses,
      get,
      policy: PUBLIC_INTERNET,
    })
    for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:10.0.0.1'])
      await expect(ask({}, guarded(address))).rejects.toEqual(failure('forbidden'))
    await expect(ask({}, guarded('1.1.1.1', '10.0.0.1'))).rejects.toEqual(failure('forbidden'))
    await expect(ask({}, guarded())).rejects.toEqual(failure('unreachable'))
    expect(get).not.toHaveBeenCalled()
  })

  it('check where the callback leads as well, and connect to the address that was checked', async () => {
    const seen: [string, string][] = []
    const get: GuardedFetchPorts['get'] = async (url, address) => {
      seen.push([url.hostname, address])
      return { status: 200, body: JSON.stringify(service.terms) }
    }
    const through = { resolve: async () => ['1.1.1.1'], get, policy: PUBLIC_INTERNET }
    for (const callback of [
      'http://pay.example/cb',
      'https://127.0.0.1/cb',
      'https://[::1]/cb',
      'https://[::ffff:169.254.169.254]/cb',
      'https://2130706433/cb',
      'https://user:password@pay.example/cb',
      'https://pay.example:8443/cb',
      'file:///etc/passwd',
      `https://pay.example/${'x'.repeat(3000)}`,
    ]) {
      service.terms = { ...service.terms, callback }
      await expect(ask({}, through)).rejects.toEqual(failure('forbidden'))
    }
    expect(new Set(seen.map(String))).toEqual(new Set([`${HOST},1.1.1.1`]))
  })

  it('follow no redirect', async () => {
    service.handle = (_, response) => {
      response.writeHead(302, { location: `${origin}/elsewhere` }).end('{}')
      return true
    }
    await expect(ask()).rejects.toEqual(failure('response'))
  })

  it('read so much and no more', async () => {
    service.handle = (_, response) => {
      response.end('x'.repeat(MAX_BODY_BYTES + 1))
      return true
    }
    await expect(ask()).rejects.toEqual(failure('response'))
  })

  it('wait until they are told to stop', async () => {
    const stop = new AbortController()
    service.handle = () => {
      stop.abort()
      return true
    }
    await expect(ask({ signal: stop.signal })).rejects.toEqual(failure('timeout'))
    await expect(ask({ signal: stop.signal })).rejects.toEqual(failure('timeout'))
  })

  it('take only JSON for an answer', async () => {
    service.handle = (_, response) => {
      response.end('<html>')
      return true
    }
    await expect(ask()).rejects.toEqual(failure('response'))
  })

  it('trust only whom the system trusts', async () => {
    const distrusting = { ...ports, get: httpsGet() }
    await expect(ask({ destination: `a@${HOST}` }, distrusting)).rejects.toEqual(
      failure('unreachable'),
    )
  })

  it("use the system's resolver, which can be left behind", async () => {
    expect(await httpsPorts.resolve('localhost', new AbortController().signal)).not.toEqual([])
    await expect(httpsPorts.resolve('localhost', AbortSignal.abort('enough'))).rejects.toBe(
      'enough',
    )
  })
})
