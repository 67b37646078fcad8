// Builds llama.cpp's server for the suites against a real one, once per release:
//   node scripts/bootstrap.mjs llama-server
// Needs git, cmake and a C++ compiler; the sources come with node-llama-cpp. 13 minutes of CPU.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  isBuilt,
  llamaServerBinary,
  type LlamaServerBinary,
} from '../provider-agent/src/testing/llama-server.ts'

/**
 * The server alone, as one file that runs on any machine of the kind: no pages to show, no TLS, nothing that only
 * this CPU has. Little optimised, since compiling takes longer than the tests do.
 */
const OPTIONS = [
  'CMAKE_BUILD_TYPE=Release',
  'CMAKE_C_FLAGS_RELEASE=-O2 -DNDEBUG',
  'CMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG',
  'BUILD_SHARED_LIBS=OFF',
  'GGML_NATIVE=OFF',
  'GGML_OPENMP=OFF',
  'GGML_LLAMAFILE=OFF',
  'LLAMA_BUILD_TESTS=OFF',
  'LLAMA_BUILD_EXAMPLES=OFF',
  'LLAMA_BUILD_APP=OFF',
  'LLAMA_BUILD_UI=OFF',
  'LLAMA_USE_PREBUILT_UI=OFF',
  'LLAMA_OPENSSL=OFF',
  'LLAMA_ALL_WARNINGS=OFF',
]
/** A build leaves the rest of a large machine to others. */
const PARALLEL = '2'

class SetupError extends Error {
  override readonly name = 'SetupError'
  readonly code = 'cannot_set_up'
}

/** Throws {@link SetupError} for a program that is missing or fails; its reasons are on stderr by then. */
function run(command: string, ...args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (error !== undefined) {
    throw new SetupError(`${command} is missing: apt-get install git cmake make g++`)
  }
  if (status !== 0) throw new SetupError(`${command} failed; its reasons are above.`)
}

/** Whole or not at all: it moves to its place when it is built. */
function build({ bundle, folder, path }: LlamaServerBinary): void {
  mkdirSync(dirname(folder), { recursive: true })
  const work = mkdtempSync(`${folder}.`)
  try {
    const sources = join(work, 'sources')
    const out = join(work, 'out')
    const done = join(work, 'done')
    run('git', 'clone', '--quiet', '-c', 'advice.detachedHead=false', bundle, sources)
    run('cmake', '-S', sources, '-B', out, ...OPTIONS.map((option) => `-D${option}`))
    run('cmake', '--build', out, '--parallel', PARALLEL, '--target', 'llama-server')
    mkdirSync(done)
    copyFileSync(join(out, 'bin', 'llama-server'), join(done, 'llama-server'))
    if (existsSync(folder)) rmSync(folder, { recursive: true })
    renameSync(done, dirname(path))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function main(): void {
  const binary = llamaServerBinary()
  if (isBuilt(binary)) {
    console.log(`llama-server ${binary.version} is in ${binary.folder}`)
    return
  }
  console.log(`Building llama-server ${binary.version} into ${binary.folder}, once: minutes…`)
  const begun = performance.now()
  build(binary)
  console.log(`llama-server: built in ${((performance.now() - begun) / 1000).toFixed(0)} s`)
}

try {
  main()
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error)
  process.exitCode = 1
}
