// An X.509 certificate for loopback, in DER by hand: Node makes keys and signatures but no certificates.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface SelfSignedCertificate {
  /** PEM. */
  readonly certificate: string
  readonly privateKey: string
}

const YEAR_MS = 365 * 24 * 3600 * 1000
const PEM_LINE = 64

/** RFC 5280: a P-256 certificate for `localhost`, 127.0.0.1 and ::1, valid from yesterday for a year. */
export function selfSignedCertificate(commonName: string, now: Date): SelfSignedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = sequence(set(sequence(COMMON_NAME, utf8String(commonName))))
  const toBeSigned = sequence(
    explicit(0, integer(Uint8Array.of(2))),
    integer(Uint8Array.of(1, ...randomBytes(15))),
    ECDSA_WITH_SHA256,
    subject,
    sequence(
      generalizedTime(new Date(now.getTime() - YEAR_MS / 365)),
      generalizedTime(new Date(now.getTime() + YEAR_MS)),
    ),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(basicConstraints(), subjectAltName())),
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  return {
    certificate: pem('CERTIFICATE', sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(signature))),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Uint8Array.of(tag, ...length), content])
}

const sequence = (...contents: Uint8Array[]) => der(0x30, ...contents)
const set = (...contents: Uint8Array[]) => der(0x31, ...contents)
const integer = (bytes: Uint8Array) => der(0x02, bytes)
const objectId = (...bytes: number[]) => der(0x06, Uint8Array.from(bytes))
const octetString = (content: Uint8Array) => der(0x04, content)
const bitString = (content: Uint8Array) => der(0x03, Uint8Array.of(0), content)
const boolean = (value: boolean) => der(0x01, Uint8Array.of(value ? 0xff : 0))
const utf8String = (text: string) => der(0x0c, Buffer.from(text, 'utf8'))
const explicit = (number: number, content: Uint8Array) => der(0xa0 + number, content)
const implicit = (number: number, content: Uint8Array) => der(0x80 + number, content)

/** RFC 5280 wants UTCTime before 2050; every library reads this one as well. */
const generalizedTime = (date: Date) =>
  der(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`))

const COMMON_NAME = objectId(0x55, 0x04, 0x03)
/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))

/** It is its own authority. */
const basicConstraints = () =>
  sequence(objectId(0x55, 0x1d, 0x13), boolean(true), octetString(sequence(boolean(true))))

function subjectAltName(): Buffer {
  const names = sequence(
    implicit(2, Buffer.from('localhost')),
    implicit(7, Uint8Array.of(127, 0, 0, 1)),
    implicit(
      7,
      Uint8Array.from({ length: 16 }, (_, index) => (index === 15 ? 1 : 0)),
    ),
  )
  return sequence(objectId(0x55, 0x1d, 0x11), octetString(names))
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(new RegExp(`.{1,${PEM_LINE}}`, 'g')) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
