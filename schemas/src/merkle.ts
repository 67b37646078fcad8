import { hash } from 'node:crypto'

/** Merkle tree hashes of RFC 6962 §2.1: leaves and nodes are told apart by their first byte. */
const LEAF = 0
const NODE = 1

/** Sizes are signed as a u32. */
const MAX_SIZE = 2 ** 32 - 1

/** SHA-256 of a leaf's data. */
export function leafHash(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + data.length)
  bytes[0] = LEAF
  bytes.set(data, 1)
  return sha256(bytes)
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + left.length + right.length)
  bytes[0] = NODE
  bytes.set(left, 1)
  bytes.set(right, 1 + left.length)
  return sha256(bytes)
}

/** In one call, which costs a third of an incremental hash for inputs as short as these. */
const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer')

/** Largest power of two smaller than `n` (2 ≤ n ≤ 2^32). */
const split = (n: number): number => 2 ** (31 - Math.clz32(n - 1))

export interface MerkleTree {
  readonly root: Uint8Array
  /** The audit path of each leaf, nearest sibling first (RFC 6962 §2.1.1). */
  readonly paths: Uint8Array[][]
}

/** The tree over leaf hashes. Throws RangeError without any. */
export function merkleTree(leaves: readonly Uint8Array[]): MerkleTree {
  const [first] = leaves
  if (first === undefined) throw new RangeError('a Merkle tree needs a leaf')
  if (leaves.length === 1) return { root: first, paths: [[]] }
  const k = split(leaves.length)
  const left = merkleTree(leaves.slice(0, k))
  const right = merkleTree(leaves.slice(k))
  for (const path of left.paths) path.push(right.root)
  for (const path of right.paths) path.push(left.root)
  return { root: nodeHash(left.root, right.root), paths: [...left.paths, ...right.paths] }
}

/** The root of the tree over leaf hashes, without its paths. Throws RangeError without any. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves
  // An odd last node moves up unchanged: the same tree as RFC 6962's, from below.
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i] as Uint8Array, level[i + 1]]
      above.push(right === undefined ? left : nodeHash(left, right))
    }
    level = above
  }
  const [root] = level
  if (root === undefined) throw new RangeError('a Merkle tree needs a leaf')
  return root
}

/**
 * The root that a leaf hash and its path imply, or undefined when `size` is no size, `index` is
 * not within it, or the path has the wrong length for them. A root does not fix the size of its
 * tree: whoever signs the root must sign the size with it.
 */
export function rootOfPath(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): Uint8Array | undefined {
  if (!Number.isInteger(size) || size > MAX_SIZE) return undefined
  if (!Number.isInteger(index) || index < 0 || index >= size) return undefined
  if (size === 1) return path.length === 0 ? leaf : undefined
  const sibling = path.at(-1)
  if (sibling === undefined) return undefined
  const k = split(size)
  const rest = path.slice(0, -1)
  const isLeft = index < k
  const inner = isLeft
    ? rootOfPath(leaf, index, k, rest)
    : rootOfPath(leaf, index - k, size - k, rest)
  if (inner === undefined) return undefined
  return isLeft ? nodeHash(inner, sibling) : nodeHash(sibling, inner)
}
