import type { SmiRow } from './smi-rows.ts'

/**
 * The cards that this agent's engines may use, as `CUDA_VISIBLE_DEVICES` says: numbers, or beginnings of UUIDs, in any
 * order. All, where it is not set, or names instances of cards: then it does not say of which.
 */
export function visibleCards(rows: readonly SmiRow[], setting: string | undefined): SmiRow[] {
  const wanted = setting?.split(',').map((one) => one.trim())
  if (wanted === undefined || wanted.some((one) => one.startsWith('MIG-'))) return [...rows]
  return rows.filter((row, n) => {
    const uuid = row.get('uuid') ?? ''
    return wanted.some(
      (one) => one === String(n) || (one.startsWith('GPU-') && uuid.startsWith(one)),
    )
  })
}
