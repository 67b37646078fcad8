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

/** What AMD's runtimes are told to show; undefined where it is not set. */
export interface AmdVisible {
  /** `ROCR_VISIBLE_DEVICES`: numbers, or `GPU-` and a serial number. */
  readonly rocr: string | undefined
  /** `HIP_VISIBLE_DEVICES`: it counts those that the other has left, in its order. */
  readonly hip: string | undefined
}

/** The same of AMD's cards. `serial` is sixteen hex digits. */
export function visibleAmdCards<T extends { readonly serial: string | undefined }>(
  cards: readonly T[],
  { rocr, hip }: AmdVisible,
): T[] {
  // To HIP an empty setting is not set, to ROCR it means no card.
  return chosen(chosen(cards, rocr), hip === '' ? undefined : hip)
}

function chosen<T extends { readonly serial: string | undefined }>(
  cards: readonly T[],
  setting: string | undefined,
): T[] {
  if (setting === undefined) return [...cards]
  const wanted = setting.split(',').map((one) => one.trim().toLowerCase())
  const named = wanted.flatMap((one) =>
    cards.filter(({ serial }, n) => one === String(n) || (serial && one === `gpu-${serial}`)),
  )
  return [...new Set(named)]
}
