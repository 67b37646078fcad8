import { ECDH } from 'node:crypto'

/** Whether 66 hex digits are the compressed key of a Lightning node: a point of secp256k1. */
export function isNodeKey(hex: string): boolean {
  try {
    ECDH.convertKey(hex, 'secp256k1', 'hex', 'hex', 'uncompressed')
    return true
  } catch {
    return false
  }
}
