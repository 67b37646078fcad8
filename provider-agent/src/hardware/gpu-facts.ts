import { createHash } from 'node:crypto'
import { gpuSchema, type Gpu } from '@infernet/schemas/hardware'

/** Ours alone, so that a hash that is known from elsewhere is not found here. */
const SALT = 'infernet/card/1\0'

/** SHA-256, hex, of what names a card everywhere, with the salt of this network. */
export const cardHash = (id: string): string =>
  createHash('sha256').update(SALT).update(id).digest('hex')

/** As the wire takes it: without the facts that it would not, or none where these are needed. */
export function acceptable(gpu: Readonly<Record<string, unknown>>): Gpu[] {
  const first = gpuSchema.safeParse(gpu)
  if (first.success) return [first.data]
  const bad = new Set(first.error.issues.map(({ path }) => path[0]))
  const rest = Object.entries(gpu).filter(([key]) => !bad.has(key))
  const second = gpuSchema.safeParse(Object.fromEntries(rest))
  return second.success ? [second.data] : []
}
