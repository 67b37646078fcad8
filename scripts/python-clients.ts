// What clients that are not ours find, against a stack of its own: OpenAI's Python SDK, and
// schemathesis, which asks every route of /openapi.json for what the document does not say.
//   node scripts/bootstrap.mjs python-clients [--only sdk|schemathesis]
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** For all routes together; a run beyond it is cut, and that is no failure. */
const SCHEMATHESIS_SECONDS = 120

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'e2e', 'python')
const requirements = join(folder, 'requirements.txt')

interface ReadyLine {
  readonly base_url: string
  readonly edge_url: string
  readonly api_key: string
  readonly model: string
}

interface Stack {
  readonly stack: ChildProcess
  readonly ready: ReadyLine
  /** All that it keeps; goes with it. */
  readonly data: string
}

/** Something on this machine is missing; the message says what and how to get it. */
class SetupError extends Error {
  override readonly name = 'SetupError'
  readonly code = 'cannot_set_up'
}

/** The folder of the programs that `requirements.txt` names, installed outside the tree, once. */
function pythonPrograms(): string {
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const venv = join(cache, 'infernet', `python-${hash}`)
  const bin = join(venv, 'bin')
  const stamp = join(venv, '.complete')
  if (existsSync(stamp)) return bin
  console.log(`Installing ${requirements} into ${venv}, once`)
  const python = process.env['PYTHON'] ?? 'python3'
  run(
    python,
    ['-m', 'venv', '--clear', venv],
    `Python 3.10 with venv: apt-get install python3-venv`,
  )
  const quiet = ['install', '--quiet', '--disable-pip-version-check']
  run(join(bin, 'python'), ['-m', 'pip', ...quiet, '-r', requirements], 'a way to PyPI for pip')
  writeFileSync(stamp, '')
  return bin
}

/** Throws {@link SetupError} when the command fails. */
function run(command: string, args: readonly string[], need: string): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status === 0) return
  const reason = error?.message ?? `exit ${status}`
  throw new SetupError(`This needs ${need}. (${command} ${args.join(' ')}: ${reason})`)
}

/** `npm start` without npm, on a free port. Throws {@link SetupError}. */
async function startStack(data: string): Promise<Stack> {
  const args = ['scripts/start.ts', '--json', '--fresh', '--port', '0', '--data', data]
  const stack = spawn(process.execPath, args, {
    cwd: root,
    // It stops when we are gone, however we went.
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, INFERNET_SUPERVISED: '1' },
  })
  for await (const line of createInterface({ input: stack.stdout })) {
    if (line.startsWith('{')) return { stack, ready: JSON.parse(line) as ReadyLine, data }
  }
  throw new SetupError('The stack ended before it was ready; its reason is above.')
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null

async function stopStack(stack: ChildProcess): Promise<void> {
  if (hasEnded(stack)) return
  stack.kill('SIGTERM')
  await once(stack, 'exit')
}

const SUITES = {
  sdk: () => [
    'pytest',
    '-q',
    '--color=no',
    '-p',
    'no:cacheprovider',
    join(folder, 'openai_test.py'),
  ],
  schemathesis: ({ edge_url }: ReadyLine) => [
    'schemathesis',
    '--config-file',
    join(folder, 'schemathesis.toml'),
    'run',
    `${edge_url}/openapi.json`,
    '--max-time',
    String(SCHEMATHESIS_SECONDS),
  ],
} as const
type SuiteName = keyof typeof SUITES

async function passes(
  name: SuiteName,
  { stack, ready, data }: Stack,
  bin: string,
): Promise<boolean> {
  const [program = '', ...args] = SUITES[name](ready)
  const begun = performance.now()
  const child = spawn(join(bin, program), args, {
    // They leave caches where they run.
    cwd: data,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PATH: [bin, process.env['PATH']].join(delimiter),
      PYTHONPATH: folder,
      PYTHONDONTWRITEBYTECODE: '1',
      INFERNET_BASE_URL: ready.base_url,
      INFERNET_API_KEY: ready.api_key,
      INFERNET_MODEL: ready.model,
    },
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  const died = once(stack, 'exit').then(() => 'died' as const)
  const outcome = await Promise.race([ended, died])
  if (outcome === 'died' || hasEnded(stack)) {
    child.kill('SIGTERM')
    await ended
    throw new SetupError(`The stack died under ${name}; its last words are above.`)
  }
  const [code] = outcome
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  console.log(`python clients: ${name} ${code === 0 ? 'passed' : 'FAILED'} in ${seconds} s`)
  return code === 0
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { only: { type: 'string' } } })
  const names = (Object.keys(SUITES) as SuiteName[]).filter(
    (name) => values.only === undefined || values.only === name,
  )
  if (names.length === 0) throw new SetupError(`There is no suite '${values.only}'.`)
  const bin = pythonPrograms()
  const data = mkdtempSync(join(tmpdir(), 'infernet-python-'))
  try {
    const running = await startStack(data)
    try {
      let failed = 0
      for (const name of names) if (!(await passes(name, running, bin))) failed++
      return failed === 0 ? 0 : 1
    } finally {
      await stopStack(running.stack)
    }
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof SetupError ? error.message : error)
  return 1
})
