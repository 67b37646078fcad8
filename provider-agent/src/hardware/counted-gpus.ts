import type { GpuReading } from './gpu-reading.ts'

/** A look at the GPUs that the owner's limits are for. */
export interface Look {
  readonly readings: readonly GpuReading[]
  /** All GPUs of a maker are gone that were there before. */
  readonly isPartial: boolean
}

/**
 * Which GPUs the owner's limits are for: all but the graphics of a processor beside a GPU with as much memory of its
 * own. No model runs there, its heat is the processor's, and what keeps it busy is the desktop.
 */
export class CountedGpus {
  /** Makers of which one counts. */
  readonly #makers = new Set<number>()
  /** The most memory of a GPU that is no processor's, also of one that is gone meanwhile; below all while there is none. */
  #largestMib = -1

  /** `makers` are what each maker's driver says now, always in the same order. */
  look(...makers: readonly (readonly GpuReading[])[]): Look {
    for (const { isIntegrated, totalMib = 0 } of makers.flat()) {
      if (isIntegrated !== true) this.#largestMib = Math.max(this.#largestMib, totalMib)
    }
    const counted = makers.map((readings) => readings.filter((one) => this.#counts(one)))
    for (const [maker, { length }] of makers.entries()) {
      if (counted[maker]?.length) this.#makers.add(maker)
      else if (length > 0) this.#makers.delete(maker)
    }
    const isPartial = [...this.#makers].some((maker) => counted[maker]?.length === 0)
    return { readings: counted.flat(), isPartial }
  }

  #counts({ isIntegrated, totalMib = 0 }: GpuReading): boolean {
    return isIntegrated !== true || totalMib > this.#largestMib
  }
}
