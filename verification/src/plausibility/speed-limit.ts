import type { Hardware } from '@infernet/schemas/hardware'
import { throughputBound } from './throughput-bound.ts'

/**
 * Tokens that one pass over the weights gives at most: sixteen drafted ones that were all right, as many as engines
 * draft unless told otherwise, and one of its own.
 */
const MOST_TOKENS_PER_PASS = 17
/** Of main memory, which may hold some layers: two sockets of twelve channels have 1.2 TB/s. Bytes a second. */
const MAIN_MEMORY_SPEED = 1.5e12
/** What of the weights may lie in caches and is not read from memory: of the largest processors, and of a card. */
const PROCESSOR_CACHE_BYTES = 2.5e9
const CARD_CACHE_BYTES = 256e6

/**
 * The most tokens per second that one answer can have on a machine, however good its engine is: no more than its
 * memory can read weights. Batches do not help one answer, and a mixture of experts is in `tokenBytes`, which is
 * what every token reads at the least. Undefined where too little is known, as of an engine on another machine.
 */
export function speedLimit(
  hardware: Hardware | undefined,
  backend: string,
  tokenBytes: number | undefined,
): number | undefined {
  if (hardware === undefined || tokenBytes === undefined) return undefined
  const { gpus } = hardware
  if (gpus.length === 0 && backend !== 'cpu') return undefined
  const read = tokenBytes - PROCESSOR_CACHE_BYTES - gpus.length * CARD_CACHE_BYTES
  if (!(read > 0)) return undefined
  let bytesPerSecond = MAIN_MEMORY_SPEED
  for (const { bandwidth_gb_s: speed } of gpus) {
    if (speed === undefined) return undefined
    bytesPerSecond += speed * 1e9
  }
  return throughputBound(bytesPerSecond, read, MOST_TOKENS_PER_PASS)
}
