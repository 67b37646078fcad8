import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import type { Hardware } from '@infernet/schemas/hardware'
import { EngineStartError } from '../engines/engine.ts'
import { askProgram, findProgram, readBackend } from '../engines/managed/find-program.ts'
import { engineEnv, type ManagedKind } from '../engines/managed/engine-command.ts'
import { freeMemory, type FreeMemory } from '../engines/managed/free-memory.ts'
import type { Memory } from '../engines/managed/memory-fit.ts'
import { probeThisMachine } from '../hardware/probe.ts'
import { usableMib } from '../hardware/what-fits.ts'
import { hasGpuFiles } from '../service/gpu-access.ts'
import { USUAL_PORTS } from './engine-ports.ts'
import { findFiles } from './find-files.ts'
import { findServers } from './find-servers.ts'
import type { Found, FoundServer, Runner } from './found.ts'
import { usualFolders } from './model-folders.ts'
import { sureBackend } from './sure-backend.ts'

const MIB = 1024 * 1024
/** llama-server looks for its devices; a driver of a lost GPU never answers. */
const DEVICES_MS = 15_000

/** What a look at this machine gives. */
export interface Gathered extends Found {
  readonly hardware: Hardware
  /** Servers that could be started, with their programs. */
  readonly programs: readonly { readonly kind: ManagedKind; readonly path: string }[]
  /** What a driver says that could not answer. */
  readonly troubles: readonly string[]
}

export interface GatherOptions {
  readonly env: NodeJS.ProcessEnv
  /** That runs the agent. */
  readonly script: string
  readonly signal: AbortSignal
}

/** Looks at everything side by side. Starts no engine. Ends soon after `signal`. */
export async function gather(options: GatherOptions): Promise<Gathered> {
  const { env, signal } = options
  const troubles: string[] = []
  const llamaServer = programOf('llama-server', env)
  const [hardware, memory, servers, files, backend] = await Promise.all([
    probeThisMachine((text) => troubles.push(text), signal),
    freeMemory(),
    findServers(USUAL_PORTS, signal),
    findFiles(usualFolders(env, homedir(), process.cwd()), signal),
    llamaServer === undefined ? undefined : backendOf(llamaServer, env, signal),
  ])
  const hasLlamaCpp = isInstalled(options.script)
  const gpuBytes = gpuBytesOf(memory, hardware)
  // Elsewhere than on Linux there are no such files, whatever there is.
  const hasNoGpu = process.platform === 'linux' && troubles.length === 0 && !hasGpuFiles()
  return {
    hardware,
    troubles,
    servers: servers.map((server) => withBackend(server, hardware, hasNoGpu)),
    files,
    hasLlamaCpp,
    memoryBytes: Math.max(memory.ramBytes, gpuBytes ?? 0),
    runners: [
      ...(llamaServer === undefined ? [] : [managed(llamaServer, backend, memory, gpuBytes)]),
      ...(hasLlamaCpp ? [embedded(memory)] : []),
    ],
    programs: (['llama-server', 'vllm'] as const).flatMap((kind) => {
      const path = kind === 'vllm' ? programOf(kind, env) : llamaServer
      return path === undefined ? [] : [{ kind, path }]
    }),
  }
}

function withBackend(server: FoundServer, { gpus }: Hardware, hasNoGpu: boolean): FoundServer {
  const backend = sureBackend(server, gpus, hasNoGpu)
  return { ...server, ...(backend === undefined ? {} : { backend }) }
}

function managed(
  program: string,
  backend: string | undefined,
  { ramBytes }: FreeMemory,
  gpuBytes: number | undefined,
): Runner {
  const isOnCpu = backend === undefined || backend === 'cpu'
  const isShared = backend === 'metal'
  const memory: Memory =
    isOnCpu || isShared || gpuBytes === undefined ? { ramBytes } : { ramBytes, vramBytes: gpuBytes }
  return { engine: 'llama-server', program, memory, isFast: !isOnCpu }
}

/** What comes with the agent computes on the processor. */
const embedded = ({ ramBytes }: FreeMemory): Runner => ({
  engine: 'llama-cpp',
  memory: { ramBytes },
  isFast: false,
})

/** Free as NVIDIA's driver says, else all that the cards have; undefined without a card. */
function gpuBytesOf({ gpus: free }: FreeMemory, { gpus }: Hardware): number | undefined {
  if (free.length > 0) return free.reduce((sum, { freeBytes }) => sum + freeBytes, 0)
  const mib = gpus.reduce((sum, gpu) => sum + usableMib(gpu), 0)
  return mib === 0 ? undefined : mib * MIB
}

function programOf(kind: ManagedKind, env: NodeJS.ProcessEnv): string | undefined {
  try {
    return findProgram(kind, undefined, env['PATH'])
  } catch (error) {
    if (error instanceof EngineStartError) return undefined
    throw error
  }
}

async function backendOf(
  program: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(DEVICES_MS)])
  try {
    return readBackend(await askProgram(program, ['--list-devices'], engineEnv(env), until))
  } catch (error) {
    if (error instanceof EngineStartError) return undefined
    throw error
  }
}

/** Whether the agent, whose script this is, was installed with llama.cpp. */
function isInstalled(script: string): boolean {
  try {
    createRequire(realpathSync(script)).resolve('node-llama-cpp')
    return true
  } catch {
    return false
  }
}
