import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { selfSignedCertificate } from './self-signed-certificate.ts'

const now = new Date('2026-11-25T12:00:00Z')

describe('a self-signed certificate', () => {
  it('says who it is for and how long', () => {
    const made = selfSignedCertificate('alice SIMULATED', now)
    const certificate = new X509Certificate(made.certificate)
    expect(certificate.subject).toBe('CN=alice SIMULATED')
    expect(certificate.issuer).toBe(certificate.subject)
    expect(certificate.ca).toBe(true)
    expect(certificate.checkHost('localhost')).toBe('localhost')
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(certificate.checkIP('::1')).toBeDefined()
    expect(certificate.checkHost('example.com')).toBeUndefined()
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.validFromDate).toEqual(new Date('2026-11-24T12:00:00Z'))
    expect(certificate.validToDate).toEqual(new Date('2027-11-25T12:00:00Z'))
  })

  it('is unlike any other', () => {
    const [a, b] = [selfSignedCertificate('x', now), selfSignedCertificate('x', now)]
    expect(new X509Certificate(a.certificate).serialNumber).not.toBe(
      new X509Certificate(b.certificate).serialNumber,
    )
    const longest = 'n'.repeat(64)
    const { certificate } = selfSignedCertificate(longest, now)
    expect(new X509Certificate(certificate).subject).toBe(`CN=${longest}`)
  })

  it('secures a connection to localhost for whoever trusts it, and for nobody else', async () => {
    const { certificate, privateKey } = selfSignedCertificate('test', new Date())
    const server = createTlsServer({ cert: certificate, key: privateKey }).listen(0, '127.0.0.1')
    server.on('tlsClientError', () => {})
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const options = { host: '127.0.0.1', port, servername: 'localhost' }
    const trusting = connectTls({ ...options, ca: certificate })
    await once(trusting, 'secureConnect')
    expect(trusting.authorized).toBe(true)
    trusting.destroy()
    const [error] = (await once(connectTls(options), 'error').catch((cause: unknown) => [
      cause,
    ])) as [Error]
    expect(error).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    server.close()
  })
})
