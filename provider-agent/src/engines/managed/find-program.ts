import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { EngineStartError } from '../engine.ts'
import type { ManagedKind } from './engine-command.ts'

/** vLLM loads half of Python to say its version. */
const ANSWER_MS = 90_000
const MAX_OUTPUT_CHARS = 64 * 1024

/** The first llama-server by number, before releases had names, that listens on a socket in the file system. */
const FIRST_BUILD = 5_000

/** How one gets it. */
const INSTALL: Readonly<Record<ManagedKind, string>> = {
  'llama-server': 'build or download llama.cpp',
  vllm: 'pip install vllm',
}

/**
 * The file of a server: the one that is named, or the first on `path` that is called as its kind. Throws
 * {@link EngineStartError}.
 */
export function findProgram(
  kind: ManagedKind,
  named: string | undefined,
  path: string | undefined,
): string {
  const say = `--engine-program /path/to/${kind}`
  if (named !== undefined) {
    const file = resolve(named)
    if (isProgram(file)) return file
    throw new EngineStartError(`${file} is not a program that can be run: name one with ${say}`)
  }
  const folders = (path ?? '').split(delimiter).filter((folder) => folder !== '')
  const found = folders.map((folder) => resolve(join(folder, kind))).find(isProgram)
  if (found !== undefined) return found
  throw new EngineStartError(
    `there is no ${kind} on your PATH: install it (${INSTALL[kind]}), or name it with ${say}`,
  )
}

/** Whether a path is a file that can be run. */
export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** What a program writes when asked for `args`, on both outputs. Throws {@link EngineStartError}. */
export async function askProgram(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve: done, reject } = Promise.withResolvers<string>()
  const until = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)])
  const child = spawn(file, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: until,
    killSignal: 'SIGKILL',
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text = (text + more).slice(0, MAX_OUTPUT_CHARS)
    })
  }
  const asked = `${file} ${args.join(' ')}`
  child.on('error', (cause) => {
    const why = until.aborted ? 'it did not answer' : cause.message
    reject(new EngineStartError(`cannot run ${asked}: ${why}`, { cause }))
  })
  child.on('close', (code) => {
    if (code === 0) return done(text)
    const last = text.trim().split('\n').at(-1) ?? ''
    reject(new EngineStartError(`${asked} ended with code ${code}: ${last}`))
  })
  return promise
}

/** The version in what a server says of itself. Throws {@link EngineStartError} for none, or one that is too old. */
export function readVersion(kind: ManagedKind, text: string, file: string): string {
  const pattern = kind === 'vllm' ? /^(?:vllm\s+)?v?(\d+\.\d+\S*)\s*$/im : /^version: (\S+)/m
  const version = text.match(pattern)?.[1]
  if (version === undefined) {
    throw new EngineStartError(`${file} does not say its version: is it ${kind}?`)
  }
  const build = /^\d+$/.test(version) ? Number(version) : 0
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = kind === 'vllm' ? major === 0 && minor < 11 : build > 0 && build < FIRST_BUILD
  if (isOld) {
    const first = kind === 'vllm' ? '0.11' : `build ${FIRST_BUILD}`
    throw new EngineStartError(`${file} is version ${version}: update it, to ${first} at least`)
  }
  return version
}

const BACKEND_OF_DEVICE: ReadonlyMap<string, string> = new Map([
  ['CUDA', 'cuda'],
  ['ROCm', 'rocm'],
  ['MTL', 'metal'],
  ['Metal', 'metal'],
  ['Vulkan', 'vulkan'],
])

/** What llama-server computes on, from its `--list-devices`; undefined where it is not one thing that we know. */
export function readBackend(text: string): string | undefined {
  const start = text.indexOf('Available devices:')
  if (start === -1) return undefined
  const names = [...text.slice(start).matchAll(/^\s+([A-Za-z]+)\d+:/gm)].map(([, name]) => name)
  const kinds = new Set(names.map((name) => BACKEND_OF_DEVICE.get(name ?? '')))
  if (kinds.size === 0) return 'cpu'
  return kinds.size === 1 ? [...kinds][0] : undefined
}
