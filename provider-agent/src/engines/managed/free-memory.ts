import { execFile } from 'node:child_process'

const ASK_MS = 10_000
const MIB = 1024 * 1024

/** Free memory, in bytes. */
export interface FreeMemory {
  readonly ramBytes: number
  /** NVIDIA's GPUs; empty where there are none that we can ask. */
  readonly gpus: readonly { readonly freeBytes: number; readonly totalBytes: number }[]
}

/** Measures what is free: RAM by the kernel, within a container's limit, and GPUs by `nvidia-smi`. */
export async function freeMemory(): Promise<FreeMemory> {
  const args = ['--query-gpu=memory.free,memory.total', '--format=csv,noheader,nounits']
  const { promise, resolve } = Promise.withResolvers<string>()
  execFile('nvidia-smi', args, { timeout: ASK_MS }, (error, stdout) => {
    resolve(error === null ? stdout : '')
  })
  return { ramBytes: process.availableMemory(), gpus: readGpus(await promise) }
}

/** Reads lines of free and total MiB; what is none is left out. */
export const readGpus = (text: string): FreeMemory['gpus'] =>
  [...text.matchAll(/^\s*(\d+)\s*,\s*(\d+)\s*$/gm)].map(([, free, total]) => ({
    freeBytes: Number(free) * MIB,
    totalBytes: Number(total) * MIB,
  }))
