import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { newSigner } from '@infernet/schemas/testing/signer'
import { afterEach, describe, expect, it } from 'vitest'
import { fetchPackage, fetchRelease } from './fetch-release.ts'
import { readRelease } from './release.ts'
import { redirectTarget, releasePlace } from './release-place.ts'
import { smallRelease } from './testing/small-release.ts'
import { RELEASE_TIMEOUT_MS } from './upgrade-limits.ts'

const signer = newSigner()
const release = smallRelease([signer], '1.0.0')
const never = new AbortController().signal
const refusing = (code: string) => expect.objectContaining({ code }) as Error

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ofFolder: RequestListener = ({ url }, response) =>
  void response.end(readFileSync(join(release.path, url!.replace('/agent/', ''))))

const fetched = (from: string, timeoutMs = RELEASE_TIMEOUT_MS) =>
  fetchRelease(releasePlace(from), timeoutMs, never)

describe('places of releases', () => {
  it('are read as people write them', () => {
    for (const text of [
      'https://a.example/x',
      'https://a.example/x/',
      'https://a.example/x/release.json',
    ])
      expect(releasePlace(text)).toEqual({ kind: 'web', url: new URL('https://a.example/x/') })
    expect(releasePlace('file:///srv/agent')).toEqual({ kind: 'folder', path: '/srv/agent' })
    expect(releasePlace('srv/agent')).toEqual({
      kind: 'folder',
      path: join(process.cwd(), 'srv/agent'),
    })
  })

  it.each([
    'http://a.example/',
    'http://127.0.0.1.example/',
    'ftp://a.example/',
    'https://me:pw@a.example/',
    'https://',
    'file://host/x',
  ])('are not %s', (text) => expect(() => releasePlace(text)).toThrow(refusing('bad_address')))

  it('lead to https only, never into this machine or its network', () => {
    const from = new URL('https://a.example/x/')
    expect(redirectTarget(from, '/y/z').href).toBe('https://a.example/y/z')
    expect(redirectTarget(from, 'https://1.1.1.1/').href).toBe('https://1.1.1.1/')
    // Whoever has named a server in their own network is led about in it by name.
    const own = new URL('https://10.0.0.1/')
    expect(redirectTarget(own, '/y').href).toBe('https://10.0.0.1/y')
    for (const to of [
      null,
      'https://127.0.0.1/',
      'https://2130706433/',
      'https://169.254.169.254/latest/',
      'https://192.168.1.1/',
      'https://[::1]/',
      'https://[::ffff:10.0.0.1]/',
      'https://[fd00:ec2::254]/',
      'https://localhost/',
      'https://localhost.:1/',
      'https://a.LOCALHOST/',
      'http://a.example/',
      'http://127.0.0.1:1/',
      'file:///etc/passwd',
      'https://',
    ])
      expect(() => redirectTarget(from, to)).toThrow(refusing('unreachable'))
  })
})

describe('fetching', () => {
  it('brings what is there, from a folder or a server', async () => {
    const url = `${await serve(ofFolder)}/agent`
    for (const from of [release.path, url]) {
      const bytes = await fetched(from)
      expect(Buffer.from(bytes).equals(release.bytes)).toBe(true)
      const found = await readRelease(bytes, [signer.peer])
      const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'a.tgz')
      await fetchPackage(releasePlace(from), found, path, never)
      expect(readFileSync(path).equals(readFileSync(join(release.path, found.file)))).toBe(true)
      expect(statSync(path).mode & 0o777).toBe(0o600)
    }
  })

  it.each<[string, (good: Buffer) => Buffer]>([
    [
      'of another byte',
      (good) => Buffer.concat([good.subarray(0, -1), Buffer.of(good.at(-1)! ^ 1)]),
    ],
    ['cut short', (good) => good.subarray(0, -1)],
    ['with more at its end', (good) => Buffer.concat([good, Buffer.of(0)])],
    ['of another kind', () => Buffer.from('<html>')],
    ['without end', (good) => Buffer.alloc(good.length + 2 ** 24)],
  ])('refuses a package %s', async (_what, change) => {
    const found = await readRelease(release.bytes, [signer.peer])
    const bad = change(readFileSync(join(release.path, found.file)))
    const url = await serve((_request, response) => void response.end(bad))
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'a.tgz')
    await expect(fetchPackage(releasePlace(url), found, path, never)).rejects.toThrow(
      refusing('changed'),
    )
    expect(statSync(path).size).toBeLessThanOrEqual(found.bytes)
  })

  it('refuses a package with any of its bytes changed', async () => {
    const found = await readRelease(release.bytes, [signer.peer])
    const good = readFileSync(join(release.path, found.file))
    const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
    let n = 0
    const bytes = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
    await fc.assert(
      fc.asyncProperty(bytes, async ([at, bits]) => {
        const bad = Buffer.from(good)
        bad[at] = bad[at]! ^ bits
        writeFileSync(join(folder, found.file), bad)
        const fetching = fetchPackage(releasePlace(folder), found, join(folder, `${n++}`), never)
        await expect(fetching).rejects.toThrow(refusing('changed'))
      }),
    )
  })

  it('gives up what has no end, no answer, or is not there, and says where it looked', async () => {
    const endless = await serve((_request, response) => void response.end('x'.repeat(20_000)))
    await expect(fetched(endless)).rejects.toThrow(refusing('malformed'))
    const silent = await serve(() => {})
    await expect(fetched(silent, 50)).rejects.toThrow(refusing('unreachable'))
    const slow = await serve((_request, response) => void response.write('{'))
    await expect(fetched(slow, 50)).rejects.toThrow(refusing('unreachable'))
    const missing = await serve((_request, response) => void response.writeHead(404).end())
    await expect(fetched(missing)).rejects.toThrow(`${missing}/: HTTP 404`)
    const around = await serve((_request, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    await expect(fetched(around)).rejects.toThrow('which is not https')
    await expect(fetched('/no/such')).rejects.toThrow('ENOENT')
    const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
    mkdirSync(join(folder, 'release.json'))
    await expect(fetched(folder)).rejects.toThrow('it is not a file')
  })
})
