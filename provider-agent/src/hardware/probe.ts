import type { Hardware } from '@infernet/schemas/hardware'
import { MAX_ANNOUNCED_GPUS } from '@infernet/schemas/limits'
import { probeAmd } from './amd.ts'
import { AmdReader, type AmdCardSeen } from './amd-reader.ts'
import { probeApple } from './apple.ts'
import { commandRunner, type CommandRunner } from './command-runner.ts'
import { countedGpus } from './counted-gpus.ts'
import { cpuOf, memoryMibOf } from './cpu.ts'
import { PROBE_TIMEOUT_MS } from './hardware-limits.ts'
import { hostFacts, type HostFacts } from './host-facts.ts'
import { probeNvidia, type Found } from './nvidia.ts'

/** Looks at AMD's cards in the files of the kernel. */
type AmdLook = () => Promise<readonly AmdCardSeen[]>

/**
 * What this machine is, as its drivers and kernel say. What they do not say is left out: it never
 * throws. `trouble` hears what a driver says that could not answer.
 */
export async function probeHardware(
  run: CommandRunner,
  host: HostFacts,
  amd: AmdLook,
  trouble: (text: string) => void = () => {},
): Promise<Hardware> {
  const memory = memoryMibOf(host)
  const isMac = host.platform === 'darwin'
  const none: Found = { gpus: [] }
  const [nvidia, amds, apple] = await Promise.all([
    isMac ? none : probeNvidia(run, memory, host.cudaVisible),
    isMac ? { gpus: [], troubles: [] } : amd().then((seen) => probeAmd(run, seen, host.amdVisible)),
    isMac ? probeApple(run, memory) : [],
  ])
  for (const said of [nvidia.trouble, ...amds.troubles]) if (said !== undefined) trouble(said)
  const found = [
    ...[...nvidia.gpus, ...apple].map((gpu) => ({ gpu, isIntegrated: false })),
    ...amds.gpus,
  ].map((one) => ({ ...one, totalMib: one.gpu.vram_mib }))
  return {
    gpus: countedGpus(found)
      .map(({ gpu }) => gpu)
      .slice(0, MAX_ANNOUNCED_GPUS),
    cpu: cpuOf(host),
    ...(memory === undefined ? {} : { memory_mib: memory }),
  }
}

/** The same of the machine that this runs on. `signal` ends the programs that are asked. */
export function probeThisMachine(
  trouble?: (text: string) => void,
  signal?: AbortSignal,
  amd: AmdLook = () => new AmdReader().look(signal),
): Promise<Hardware> {
  const bounds = { timeoutMs: PROBE_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) }
  return probeHardware(commandRunner(bounds), hostFacts(), amd, trouble)
}
