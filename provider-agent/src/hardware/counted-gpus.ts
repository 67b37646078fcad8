import type { GpuReading } from './gpu-reading.ts'

/** A look at the GPUs that the owner's limits are for. */
export interface Look {
  readonly readings: readonly GpuReading[]
  /** All GPUs of a maker are gone that were there before. */
  readonly isPartial: boolean
}

/** What tells whether a GPU counts. */
interface Size {
  readonly isIntegrated?: boolean | undefined
  readonly totalMib?: number | undefined
}

/**
 * The GPUs that count, of those that are seen together: all but the graphics of a processor beside a GPU with as much
 * memory of its own. No model runs there, its heat is the processor's, and what keeps it busy is the desktop.
 */
export function countedGpus<T extends Size>(gpus: readonly T[]): readonly T[] {
  const largestMib = largestOf(gpus, NONE_MIB)
  return gpus.filter((gpu) => counts(gpu, largestMib))
}

/** Less than any GPU has. */
const NONE_MIB = -1

/** The most memory of a GPU that is no processor's, and at least `atLeastMib`. */
const largestOf = (gpus: readonly Size[], atLeastMib: number): number =>
  Math.max(
    atLeastMib,
    ...gpus.flatMap(({ isIntegrated, totalMib = 0 }) => (isIntegrated === true ? [] : totalMib)),
  )

const counts = ({ isIntegrated, totalMib = 0 }: Size, largestMib: number): boolean =>
  isIntegrated !== true || totalMib > largestMib

/** The same from look to look: which GPUs the owner's limits are for. */
export class CountedGpus {
  /** Makers of which one counts. */
  readonly #makers = new Set<number>()
  /** The most memory of a GPU that is no processor's, also of one that is gone meanwhile; below all while there is none. */
  #largestMib = NONE_MIB

  /** `makers` are what each maker's driver says now, always in the same order. */
  look(...makers: readonly (readonly GpuReading[])[]): Look {
    this.#largestMib = largestOf(makers.flat(), this.#largestMib)
    const counted = makers.map((all) => all.filter((one) => counts(one, this.#largestMib)))
    for (const [maker, { length }] of makers.entries()) {
      if (counted[maker]?.length) this.#makers.add(maker)
      else if (length > 0) this.#makers.delete(maker)
    }
    const isPartial = [...this.#makers].some((maker) => counted[maker]?.length === 0)
    return { readings: counted.flat(), isPartial }
  }
}
