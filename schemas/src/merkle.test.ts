import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { leafHash, merkleRoot, merkleTree, rootOfPath } from './merkle.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const leavesOf = (size: number): Uint8Array[] =>
  Array.from({ length: size }, (_, i) => leafHash(Uint8Array.of(i)))

/** The tests of Certificate Transparency: leaves of 0, 1, 1, 2, 2, 4, 8 and 16 bytes. */
const CT_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((text) => leafHash(Buffer.from(text, 'hex')))

describe('merkleTree', () => {
  it.each([
    [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
    [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
    [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
    [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
  ])('has the root of RFC 6962 over %i leaves', (size, root) => {
    expect(hex(merkleTree(CT_LEAVES.slice(0, size)).root)).toBe(root)
  })

  it('has the root that is also found without paths', () => {
    for (let size = 1; size <= 70; size++) {
      const leaves = leavesOf(size)
      expect(hex(merkleRoot(leaves))).toBe(hex(merkleTree(leaves).root))
    }
  })

  it('needs a leaf', () => {
    expect(() => merkleTree([])).toThrow(RangeError)
    expect(() => merkleRoot([])).toThrow(RangeError)
  })

  it('tells leaves and nodes apart, so that no node passes as a leaf', () => {
    const [a, b] = leavesOf(2) as [Uint8Array, Uint8Array]
    const { root } = merkleTree([a, b])
    expect(hex(leafHash(Buffer.concat([a, b])))).not.toBe(hex(root))
    const bare = createHash('sha256').update(a).update(b).digest()
    expect(hex(root)).not.toBe(hex(bare))
  })

  it('depends on every leaf and on their order', () => {
    const leaves = leavesOf(5)
    const roots = new Set([hex(merkleTree(leaves).root)])
    roots.add(hex(merkleTree(leaves.toReversed()).root))
    for (const i of leaves.keys()) {
      roots.add(hex(merkleTree(leaves.with(i, leafHash(Uint8Array.of(99)))).root))
      roots.add(hex(merkleTree(leaves.toSpliced(i, 1)).root))
    }
    expect(roots.size).toBe(2 + 2 * leaves.length)
  })
})

describe('rootOfPath', () => {
  const sizes = Array.from({ length: 70 }, (_, i) => i + 1)

  it.each(sizes)('leads from each of %i leaves to the root, and from nothing else', (size) => {
    const leaves = leavesOf(size)
    const { root, paths } = merkleTree(leaves)
    expect(paths).toHaveLength(size)
    const leads = (leaf: Uint8Array, index: number, of: number, path: readonly Uint8Array[]) => {
      const implied = rootOfPath(leaf, index, of, path)
      return implied !== undefined && hex(implied) === hex(root)
    }
    for (const [index, leaf] of leaves.entries()) {
      const path = paths[index]!
      expect(path.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)))
      expect(leads(leaf, index, size, path)).toBe(true)

      const forged = [
        leads(leafHash(Uint8Array.of(200)), index, size, path),
        leads(leaf, index, size, [...path, root]),
        leads(leaf, index, size, [root, ...path]),
        leads(leaf, index + size, size, path),
        ...[...leaves.keys()].map((other) => other !== index && leads(leaf, other, size, path)),
        ...[...path.keys()].map((step) => leads(leaf, index, size, path.toSpliced(step, 1))),
        ...[...path.keys()].map((step) => leads(leaf, index, size, path.with(step, root))),
      ]
      expect(forged.indexOf(true)).toBe(-1)
    }
  })

  it('has no root for a path of another tree shape', () => {
    const { paths } = merkleTree(leavesOf(5))
    const [leaf] = leavesOf(1) as [Uint8Array]
    // Leaf 4 of 5 hangs directly under the root; in trees of 3, 6 and 9 the sizes disagree.
    expect(rootOfPath(leaf, 4, 5, paths[4]!)).toBeDefined()
    expect(rootOfPath(leaf, 4, 6, paths[4]!)).toBeUndefined()
    expect(rootOfPath(leaf, 0, 5, paths[4]!)).toBeUndefined()
  })

  it.each([
    [0, 0],
    [0, -1],
    [-1, 2],
    [2, 2],
    [0.5, 2],
    [0, 1.5],
    [Number.NaN, 2],
    [0, Number.NaN],
    [0, 2 ** 32],
    [0, 2 ** 32 + 2],
    [0, Number.POSITIVE_INFINITY],
  ])('has no root for index %d of size %d', (index, size) => {
    const [leaf, sibling] = leavesOf(2) as [Uint8Array, Uint8Array]
    expect(rootOfPath(leaf, index, size, [sibling])).toBeUndefined()
    expect(rootOfPath(leaf, index, size, [])).toBeUndefined()
  })
})
