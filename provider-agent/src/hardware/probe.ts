import type { Hardware } from '@infernet/schemas/hardware'
import { MAX_ANNOUNCED_GPUS } from '@infernet/schemas/limits'
import { probeAmd } from './amd.ts'
import { probeApple } from './apple.ts'
import { commandRunner, type CommandRunner } from './command-runner.ts'
import { cpuOf, memoryMibOf } from './cpu.ts'
import { PROBE_TIMEOUT_MS } from './hardware-limits.ts'
import { hostFacts, type HostFacts } from './host-facts.ts'
import { probeNvidia, type Found } from './nvidia.ts'

/**
 * What this machine is, as its drivers and kernel say. What they do not say is left out: it never
 * throws. `trouble` hears what a driver says that could not answer.
 */
export async function probeHardware(
  run: CommandRunner,
  host: HostFacts,
  trouble: (text: string) => void = () => {},
): Promise<Hardware> {
  const memory = memoryMibOf(host)
  const isMac = host.platform === 'darwin'
  const none: Found = { gpus: [] }
  const [nvidia, amd, apple] = await Promise.all([
    isMac ? none : probeNvidia(run, memory, host.cudaVisible),
    isMac ? [] : probeAmd(run, host),
    isMac ? probeApple(run, memory) : [],
  ])
  if (nvidia.trouble !== undefined) trouble(nvidia.trouble)
  return {
    gpus: [...nvidia.gpus, ...amd, ...apple].slice(0, MAX_ANNOUNCED_GPUS),
    cpu: cpuOf(host),
    ...(memory === undefined ? {} : { memory_mib: memory }),
  }
}

/** The same of the machine that this runs on. `signal` ends the programs that are asked. */
export function probeThisMachine(
  trouble?: (text: string) => void,
  signal?: AbortSignal,
): Promise<Hardware> {
  const bounds = { timeoutMs: PROBE_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) }
  return probeHardware(commandRunner(bounds), hostFacts(), trouble)
}
