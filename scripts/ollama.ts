// Builds Ollama for the suites against a real one, once per release:
//   node scripts/bootstrap.mjs ollama
// Needs Go and its module proxy, or a warm module cache, and git and a C++ compiler. 9 minutes of CPU.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { llamaServerBinary } from '../provider-agent/src/testing/llama-server.ts'
import { isBuilt, ollamaBinary, type OllamaBinary } from '../provider-agent/src/testing/ollama.ts'

const MODULE = 'github.com/ollama/ollama'
/** What a module cannot bring along, since Go leaves out folders of this name. llama.cpp has the same. */
const VENDORED = ['nlohmann', 'stb', 'miniaudio'].map((name) => `vendor/${name}`)
/** A build leaves the rest of a large machine to others. */
const PARALLEL = '2'

class SetupError extends Error {
  override readonly name = 'SetupError'
  readonly code = 'cannot_set_up'
}

interface Program {
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

/** What it writes. Throws {@link SetupError} for a program that is missing or fails; its reasons are on stderr by then. */
function run(command: string, { args, cwd, env = {} }: Program): string {
  const { status, error, stdout } = spawnSync(command, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  if (error !== undefined) throw new SetupError(`${command} is missing: Ollama is built with it.`)
  if (status !== 0) throw new SetupError(`${command} failed; its reasons are above.`)
  return stdout
}

/** llama.cpp's vendored headers, in a folder of their own. */
function headers(work: string): string {
  const folder = join(work, 'llama.cpp')
  const { bundle } = llamaServerBinary()
  run('git', { args: ['clone', '--quiet', '--no-checkout', bundle, folder], cwd: work })
  run('git', { args: ['checkout', '--quiet', 'HEAD', '--', ...VENDORED], cwd: folder })
  return join(folder, 'vendor')
}

/** Whole or not at all: it moves to its place when it is built. */
function build({ folder, version }: OllamaBinary): void {
  mkdirSync(dirname(folder), { recursive: true })
  const work = mkdtempSync(`${folder}.`)
  try {
    const done = join(work, 'done')
    mkdirSync(done)
    const download = { args: ['mod', 'download', '-json', `${MODULE}@v${version}`], cwd: work }
    const { Dir: sources } = JSON.parse(run('go', download)) as { readonly Dir: string }
    const named = `-s -w -X=${MODULE}/version.Version=${version} -X=${MODULE}/server.mode=release`
    const flags = ['-p', PARALLEL, '-mod=readonly', '-trimpath', '-buildvcs=false']
    run('go', {
      args: ['build', ...flags, '-ldflags', named, '-o', join(done, 'ollama'), '.'],
      cwd: sources,
      env: {
        CGO_ENABLED: '1',
        CGO_CFLAGS: '-O2 -g0',
        // Not optimised, since compiling takes longer than the tests do.
        CGO_CXXFLAGS: `-O0 -g0 -I${headers(work)}`,
      },
    })
    if (existsSync(folder)) rmSync(folder, { recursive: true })
    renameSync(done, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function main(): void {
  const binary = ollamaBinary()
  if (isBuilt(binary)) {
    console.log(`Ollama ${binary.version} is in ${binary.folder}`)
    return
  }
  console.log(`Building Ollama ${binary.version} into ${binary.folder}, once: minutes…`)
  const begun = performance.now()
  build(binary)
  console.log(`Ollama: built in ${((performance.now() - begun) / 1000).toFixed(0)} s`)
}

try {
  main()
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error)
  process.exitCode = 1
}
