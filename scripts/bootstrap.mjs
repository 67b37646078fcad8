// What `npm start`, `npm test` and the rest run first. It needs nothing but a bare Node 20: it
// installs the dependencies when they are missing or older than the lockfile, and hands over to the
// Node 24 among them:
//   node scripts/bootstrap.mjs start [args]           runs scripts/start.ts
//   node scripts/bootstrap.mjs bench/src/main.ts      runs that file
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** First Node that runs .ts files without a flag. */
const OLDEST_NODE = [22, 18]
const ORPHAN_POLL_MS = 250

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
const stamp = join(modules, '.infernet-lockfile')
const bin = join(modules, '.bin')

const lockfile = join(root, 'package-lock.json')
const lockfileHash = createHash('sha256').update(readFileSync(lockfile)).digest('hex')
if (!isInstalled()) install()

const node = findNode()
const [target = '', ...args] = process.argv.slice(2)
const file = target.includes('/') ? join(root, target) : join(root, 'scripts', `${target}.ts`)
if (target === '' || !existsSync(file)) fail(`There is no ${target === '' ? 'target' : file}.`)
run(node, [file, ...args])

/** Whether the modules are this lockfile's, be they put there by us or by npm called by hand. */
function isInstalled() {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockfileHash) return true
  const installed = statSync(join(modules, '.package-lock.json'), { throwIfNoEntry: false })
  if (installed === undefined || installed.mtimeMs < statSync(lockfile).mtimeMs) return false
  writeFileSync(stamp, lockfileHash)
  return true
}

/** Its output goes to stderr: stdout belongs to the target, which may print JSON there. */
function install() {
  process.stderr.write('Installing the dependencies (npm ci), once: 20 seconds to a few minutes…\n')
  const npm = process.env.npm_execpath
  const [command, ...before] = npm?.endsWith('.js') ? [process.execPath, npm] : [npm ?? 'npm']
  const options = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync(command, [...before, ...options], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  })
  if (status !== 0)
    fail(`npm ci failed${error ? ` (${error.message})` : ''}: see above, then try again.`)
  writeFileSync(stamp, lockfileHash)
}

/** The Node that npm installed for us; where it has none (macOS, Windows), the one running this. */
function findNode() {
  const candidates = [join(bin, 'node'), process.execPath]
  const versions = candidates.map((candidate) =>
    spawnSync(candidate, ['--version']).stdout?.toString().trim(),
  )
  const index = versions.findIndex((version) => version && isRecent(version))
  if (index >= 0) return candidates[index]
  return fail(
    `Node ${OLDEST_NODE.join('.')} or newer is needed, and this is ${process.version}.\n` +
      (process.platform === 'linux'
        ? 'npm should have installed one: run `npm ci --include=optional` and try again.'
        : 'Install Node 24 from https://nodejs.org and try again.'),
  )
}

function isRecent(version) {
  const [major, minor] = version.slice(1).split('.').map(Number)
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
}

/** Becomes `command`, as far as its parent can tell: same streams, signals and exit. */
function run(command, commandArgs) {
  const path = [bin, process.env.PATH].filter(Boolean).join(delimiter)
  const child = spawn(command, commandArgs, {
    stdio: 'inherit',
    // Of the time a process takes to start, a third goes into compiling what has not changed.
    env: { NODE_COMPILE_CACHE: join(modules, '.cache', 'node'), ...process.env, PATH: path },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  if (process.env.npm_lifecycle_event !== undefined) whenOrphaned(() => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/** npm passes a SIGTERM to its shell, and that shell dies of it without telling us. */
function whenOrphaned(stop) {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    stop()
  }, ORPHAN_POLL_MS)
  watch.unref()
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
