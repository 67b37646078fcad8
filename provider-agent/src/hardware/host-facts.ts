import { closeSync, openSync, readSync } from 'node:fs'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import type { AmdVisible } from './visible-cards.ts'

/** What the machine says without starting a program. */
export interface HostFacts {
  readonly platform: NodeJS.Platform
  /** Empty where it has none. */
  readonly cpuName: string
  /** That this process may use at once. */
  readonly threads: number
  readonly memoryBytes: number
  /** `CUDA_VISIBLE_DEVICES`; undefined where it is not set. */
  readonly cudaVisible: string | undefined
  readonly amdVisible: AmdVisible
  /** The beginning of a file of the kernel; undefined where there is none. */
  readText(path: string): string | undefined
}

/** Enough for the flags of a processor, whose file repeats them for each core. */
const MAX_TEXT_BYTES = 16 * 1024

/** Those of this machine, as they are now. */
export const hostFacts = (): HostFacts => ({
  platform: process.platform,
  cpuName: cpus()[0]?.model.trim() ?? '',
  threads: availableParallelism(),
  memoryBytes: totalmem(),
  cudaVisible: process.env['CUDA_VISIBLE_DEVICES'],
  amdVisible: {
    rocr: process.env['ROCR_VISIBLE_DEVICES'],
    hip: process.env['HIP_VISIBLE_DEVICES'],
  },
  readText,
})

/**
 * Main memory that can still be had, in bytes: where no other process takes it meanwhile, and within the
 * limits of a container.
 */
export const availableMemory = (): number => process.availableMemory?.() ?? freemem()

function readText(path: string): string | undefined {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(MAX_TEXT_BYTES)
      return bytes.toString('utf8', 0, readSync(file, bytes, 0, MAX_TEXT_BYTES, 0))
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}
