import { readAmdGpus } from './amd-reading.ts'
import type { GpuReading } from './gpu-reading.ts'
import { COMMAND_TIMEOUT_MS } from './hardware-limits.ts'
import type { KernelFiles } from './kernel-files.ts'

/** Reads AMD's GPUs again and again. One that hangs keeps a thread of this process, so it is given no second one. */
export class AmdReader {
  readonly #files: KernelFiles
  #isReading = false

  constructor(files: KernelFiles) {
    this.#files = files
  }

  /** None where the driver takes longer than {@link COMMAND_TIMEOUT_MS}, and while an earlier reading has not ended. */
  async read(): Promise<readonly GpuReading[]> {
    if (this.#isReading) return []
    this.#isReading = true
    const reading = readAmdGpus(this.#files).finally(() => (this.#isReading = false))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<readonly GpuReading[]>((resolve) => {
      timer = setTimeout(() => resolve([]), COMMAND_TIMEOUT_MS)
    })
    return Promise.race([reading, late]).finally(() => clearTimeout(timer))
  }
}
