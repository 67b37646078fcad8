import * as fc from 'fast-check'
import { newSigner } from '@infernet/schemas/testing/signer'
import { describe, expect, it } from 'vitest'
import { assertMayInstall, standingOf } from './judge-release.ts'
import { releaseSchema } from './release.ts'
import { compareVersions, versionSchema } from './version-order.ts'

const version = fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30)).map((parts) => parts.join('.'))

describe('versions', () => {
  it('are in one order, by their numbers', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0)
        expect(compareVersions(a, b) === 0).toBe(a === b)
        if (compareVersions(a, b) < 0 && compareVersions(b, c) < 0)
          expect(compareVersions(a, c)).toBeLessThan(0)
      }),
    )
    const inOrder = ['0.0.9', '0.0.10', '0.2.0', '0.10.0', '1.0.0', '10.0.0']
    expect(inOrder.toReversed().toSorted(compareVersions)).toEqual(inOrder)
  })

  it.each(['', '1', '1.2', '1.2.3.4', '01.2.3', '1.2.3-rc', 'v1.2.3', '1.2.3\n', '1e3.0.0'])(
    'are not %j',
    (text) => expect(versionSchema.safeParse(text).success).toBe(false),
  )
})

describe('a release beside what is installed', () => {
  const release = (of: string, publishedAt = 5, node = '20.12.0') =>
    releaseSchema.parse({
      v: 1,
      name: 'infernet-agent',
      version: of,
      file: 'a.tgz',
      bytes: 1,
      sha256: '0'.repeat(64),
      node,
      published_at: publishedAt,
      notes: '',
      keys: [newSigner().peer],
    })
  const installed = { version: '1.2.3', publishedAt: 5 }

  it.each([
    ['1.2.4', 5, 5, 'newer'],
    ['1.2.4', 4, undefined, 'newer'],
    ['1.2.4', 4, 5, 'replayed'],
    ['1.2.3', 4, 5, 'same'],
    ['1.2.3', 9, 5, 'same'],
    ['1.2.2', 9, 5, 'older'],
    ['1.2.2', 4, undefined, 'older'],
  ] as const)('%s of %s, where that is of %s, is %s', (of, at, publishedAt, standing) => {
    expect(standingOf(release(of, at), { ...installed, publishedAt })).toBe(standing)
  })

  it.each([
    [release('1.2.4'), false, undefined],
    [release('1.2.4', 4), false, 'replayed'],
    [release('1.2.2'), false, 'older'],
    [release('1.2.4', 4), true, undefined],
    [release('1.2.2', 4), true, undefined],
    [release('1.2.4', 5, '24.1.1'), true, 'old_node'],
    [release('1.2.4', 5, '24.1.0'), false, undefined],
  ] as const)('may be installed or not: %#', (found, allowDowngrade, code) => {
    const judge = () => assertMayInstall(found, installed, { node: '24.1.0', allowDowngrade })
    if (code === undefined) expect(judge).not.toThrow()
    else expect(judge).toThrow(expect.objectContaining({ code }) as Error)
  })
})
