import { commandRunner } from '../../hardware/command-runner.ts'
import { availableMemory } from '../../hardware/host-facts.ts'
import { querySmi } from '../../hardware/nvidia-smi.ts'
import { wholeNumber, type SmiRow } from '../../hardware/smi-rows.ts'

const ASK_MS = 10_000
const MIB = 1024 * 1024

/** Free memory, in bytes. */
export interface FreeMemory {
  readonly ramBytes: number
  /** NVIDIA's GPUs; empty where there are none that we can ask. */
  readonly gpus: readonly { readonly freeBytes: number; readonly totalBytes: number }[]
}

/** Measures what is free: RAM by the kernel, within a container's limit, and GPUs by `nvidia-smi`. */
export async function freeMemory(run = commandRunner({ timeoutMs: ASK_MS })): Promise<FreeMemory> {
  const answer = await querySmi(run, ['memory.free', 'memory.total'])
  return { ramBytes: availableMemory(), gpus: answer?.rows.flatMap(gpuOf) ?? [] }
}

/** None where it does not say both. */
function gpuOf(row: SmiRow): FreeMemory['gpus'] {
  const mib = (field: string) => wholeNumber(row.get(field), 2 ** 24)
  const free = mib('memory.free')
  const total = mib('memory.total')
  if (free === undefined || total === undefined) return []
  return [{ freeBytes: free * MIB, totalBytes: total * MIB }]
}
