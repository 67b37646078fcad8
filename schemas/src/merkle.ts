import { createHash } from 'node:crypto'

/** Merkle tree hashes of RFC 6962 §2.1: leaves and nodes are told apart by their first byte. */
const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

export const leafHash = (data: Uint8Array): Uint8Array =>
  createHash('sha256').update(LEAF).update(data).digest()

const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  createHash('sha256').update(NODE).update(left).update(right).digest()

/** Largest power of two smaller than `n` (n ≥ 2). */
const split = (n: number): number => 2 ** (31 - Math.clz32(n - 1))

/** Root over leaf hashes; at least one. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves
  if (first === undefined) throw new RangeError('a Merkle tree needs a leaf')
  if (leaves.length === 1) return first
  const k = split(leaves.length)
  return nodeHash(merkleRoot(leaves.slice(0, k)), merkleRoot(leaves.slice(k)))
}

/** Audit path of leaf `index`, nearest sibling first (RFC 6962 §2.1.1). */
export function merklePath(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (leaves.length <= 1) return []
  const k = split(leaves.length)
  return index < k
    ? [...merklePath(leaves.slice(0, k), index), merkleRoot(leaves.slice(k))]
    : [...merklePath(leaves.slice(k), index - k), merkleRoot(leaves.slice(0, k))]
}

/** The root that a leaf and its path imply, or undefined when the path has the wrong length. */
export function rootOfPath(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): Uint8Array | undefined {
  if (size === 1) return path.length === 0 && index === 0 ? leaf : undefined
  if (index < 0 || index >= size) return undefined
  const sibling = path.at(-1)
  if (sibling === undefined) return undefined
  const k = split(size)
  const rest = path.slice(0, -1)
  const inner = index < k ? rootOfPath(leaf, index, k, rest) : rootOfPath(leaf, index - k, size - k, rest)
  if (inner === undefined) return undefined
  return index < k ? nodeHash(inner, sibling) : nodeHash(sibling, inner)
}
