import type { Gpu, Hardware } from '@infernet/schemas/hardware'

/** Bytes that a weight takes with its scales: Q4_K_M, Q8_0 and sixteen bits. */
const BYTES_PER_WEIGHT = { 4: 0.61, 8: 1.06, 16: 2 } as const
export type Bits = keyof typeof BYTES_PER_WEIGHT
export const ALL_BITS = [4, 8, 16] as const satisfies readonly Bits[]

/** What the engine itself takes, and the share that stays for contexts. */
const ENGINE_MIB = 1024
const CONTEXT_SHARE = 0.15
/** Of memory that a system and its programs need as well. */
const SHARED_PART = 0.7
const MIB = 1024 * 1024

/** The largest model that fits into so much memory, in 10⁹ weights of `bits`, rounded down. */
export function billionsIn(mib: number, bits: Bits): number {
  const bytes = Math.max(0, mib - ENGINE_MIB) * (1 - CONTEXT_SHARE) * MIB
  return Math.floor(bytes / BYTES_PER_WEIGHT[bits] / 1e9)
}

/** Memory of a GPU that one model can have; of one that is cut up, its largest part. */
export function usableMib({ vram_mib = 0, unified, mig = [] }: Gpu): number {
  const parts = mig.map((profile) => Number(/(\d+)gb/.exec(profile)?.[1] ?? 0) * 1024)
  if (parts.length > 0) return Math.min(vram_mib, Math.max(...parts))
  return unified === true ? Math.floor(vram_mib * SHARED_PART) : vram_mib
}

/** One place for a model, and its memory in MiB. */
export interface Place {
  readonly what: 'gpu' | 'all_gpus' | 'cpu'
  readonly mib: number
}

/** Where a model may go: the GPU with most memory, all of one kind together, and main memory. */
export function placesFor({ gpus, memory_mib = 0 }: Hardware): Place[] {
  const sizes = gpus.map(usableMib)
  const best = Math.max(0, ...sizes)
  const discrete = gpus.filter(({ unified, mig }) => unified !== true && mig === undefined)
  const byVendor = Map.groupBy(discrete, ({ vendor }) => vendor)
  const sums = [...byVendor.values()].map((cards) =>
    cards.reduce((sum, card) => sum + usableMib(card), 0),
  )
  const together = Math.max(0, ...sums)
  const main = { what: 'cpu', mib: Math.floor(memory_mib * SHARED_PART) } as const
  return [
    ...(best > 0 ? [{ what: 'gpu', mib: best } as const] : []),
    ...(together > best ? [{ what: 'all_gpus', mib: together } as const] : []),
    ...(main.mib > 0 ? [main] : []),
  ]
}
