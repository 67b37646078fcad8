import type { Gpu } from '@infernet/schemas/hardware'
import type { FoundServer } from './found.ts'

const BACKENDS: Readonly<Record<Gpu['vendor'], string>> = {
  nvidia: 'cuda',
  amd: 'rocm',
  apple: 'metal',
}

/**
 * What a server on a machine with these GPUs surely computes on; undefined where it could be one thing or
 * another. `hasNone` says that there is no GPU, and not only that none was seen. A wrong word fails every audit,
 * none only leaves them out.
 */
export function sureBackend(
  { kind }: Pick<FoundServer, 'kind'>,
  gpus: readonly Pick<Gpu, 'vendor'>[],
  hasNone: boolean,
): string | undefined {
  const [vendor, ...others] = new Set(gpus.map((gpu) => gpu.vendor))
  if (vendor === undefined) return hasNone ? 'cpu' : undefined
  // llama-server may be built for Vulkan, or for the processor only.
  return kind === 'vllm' && others.length === 0 ? BACKENDS[vendor] : undefined
}
