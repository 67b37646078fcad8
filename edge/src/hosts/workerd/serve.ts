import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { workerdConfig } from './config.ts'
import { auditSecretIn } from '../audit-secret.ts'
import { crashUrl } from './crash-url.ts'

/**
 * Runs the Worker on `workerd serve`: Cloudflare's own runtime on your own machine, with the
 * Durable Objects' SQLite on local disk. Same command line and ready line as the Node host.
 */
const ROOT = resolve(import.meta.dirname, '../../../..')
const READY_TIMEOUT_MS = 20_000
const POLL_MS = 50
/** workerd waits up to 30 s for open sockets when told to stop; ours are safe to cut. */
const STOP_GRACE_MS = 2_000

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: process.env['INFERNET_PORT'] ?? '8787' },
    data: { type: 'string', default: '.infernet' },
    'database-url': { type: 'string', default: process.env['DATABASE_URL'] ?? '' },
    'operator-token-file': { type: 'string' },
    'settler-token-file': { type: 'string' },
    'l402-keys-file': { type: 'string' },
    'audit-secret-file': { type: 'string' },
  },
})

if (values['database-url'] === '') {
  process.stderr.write(
    'usage: node edge/src/hosts/workerd/serve.ts --database-url URL [--host] [--port] [--data] [--operator-token-file] [--settler-token-file] [--l402-keys-file] [--audit-secret-file]\n',
  )
  process.exit(2)
}

const dir = resolve(values.data, 'workerd')
const objectsDir = join(dir, 'objects')
mkdirSync(objectsDir, { recursive: true, mode: 0o700 })
bundle(dir)
const config = join(dir, 'config.capnp')
writeFileSync(
  config,
  workerdConfig({
    host: values.host,
    port: Number(values.port),
    compatibilityDate: compatibilityDate(),
    bundle: 'worker.js',
    objectsDir,
    vars: {
      DATABASE_URL: values['database-url'],
      ...tokenVar('OPERATOR_TOKEN', values['operator-token-file']),
      ...tokenVar('SETTLER_TOKEN', values['settler-token-file']),
      ...tokenVar('L402_KEYS', values['l402-keys-file']),
      AUDIT_SECRET: auditSecretIn(values['audit-secret-file'], values.data),
      VERIFIERS: process.env['INFERNET_VERIFIERS'] ?? '',
      OPEN_VERIFIERS: process.env['INFERNET_OPEN_VERIFIERS'] ?? '',
      CANARY_ACCOUNT: process.env['INFERNET_CANARY_ACCOUNT'] ?? '',
      CANARY_SHARE: process.env['INFERNET_CANARY_SHARE'] ?? '',
      CHALLENGES: process.env['INFERNET_CHALLENGES'] ?? '',
      SUSPENSION_HOURS: process.env['INFERNET_SUSPENSION_HOURS'] ?? '',
      ACCUSATION_HOURS: process.env['INFERNET_ACCUSATION_HOURS'] ?? '',
      APPEAL_HOURS: process.env['INFERNET_APPEAL_HOURS'] ?? '',
      JOB_TIMEOUTS: process.env['INFERNET_JOB_TIMEOUTS'] ?? '',
      MIN_PRICE: process.env['INFERNET_MIN_PRICE'] ?? '',
      MAX_PRICE: process.env['INFERNET_MAX_PRICE'] ?? '',
      FEE_BPS: process.env['INFERNET_FEE_BPS'] ?? '',
      COMPUTE_RATES: process.env['INFERNET_COMPUTE_RATES'] ?? '',
      ...telemetryVars(),
      CRASH_URL: (await crashUrl(process.env)) ?? '',
    },
  }),
  { mode: 0o600 },
)

const workerd = spawn(workerdPath(), ['serve', config], { stdio: ['ignore', 'inherit', 'inherit'] })
workerd.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 0))
await waitUntilHealthy(`http://${values.host}:${values.port}`)
process.stdout.write(
  `${JSON.stringify({ ready: true, url: `http://${values.host}:${values.port}` })}\n`,
)

function stop(): void {
  workerd.kill('SIGTERM')
  setTimeout(() => workerd.kill('SIGKILL'), STOP_GRACE_MS)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
if (process.env['INFERNET_SUPERVISED'] === '1')
  process.stdin.on('end', stop).on('error', stop).resume()

/** The same bundle that `wrangler deploy` would upload. */
function bundle(outdir: string): void {
  const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')
  const built = spawnSync(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', outdir], {
    cwd: ROOT,
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false' },
    encoding: 'utf8',
  })
  if (built.status === 0) return
  process.stderr.write(`${built.stdout}${built.stderr}\nedge: the Worker could not be bundled\n`)
  process.exit(1)
}

/** Read from wrangler.toml, so that both runtimes agree. */
function compatibilityDate(): string {
  const found = /^compatibility_date = "([0-9-]+)"/m.exec(
    readFileSync(join(ROOT, 'wrangler.toml'), 'utf8'),
  )
  if (found?.[1] === undefined) throw new Error('wrangler.toml has no compatibility_date')
  return found[1]
}

/** The binary itself: the package's own launcher would be a second process between us and it. */
function workerdPath(): string {
  const workerdPackage = createRequire(join(ROOT, 'node_modules/wrangler/package.json')).resolve(
    'workerd',
  )
  const { default: path } = createRequire(import.meta.url)(workerdPackage) as { default: string }
  return path
}

function tokenVar(name: string, file: string | undefined): Record<string, string> {
  return file === undefined ? {} : { [name]: readFileSync(file, 'utf8').trim() }
}

/** See `TelemetryEnv`. */
function telemetryVars(): Record<string, string> {
  const all = Object.entries(process.env).filter(([name]) => name.startsWith('OTEL_'))
  return Object.fromEntries(
    all.filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

async function waitUntilHealthy(url: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  while (Date.now() < deadline) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined)
    if (answer?.ok === true) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  process.stderr.write('edge: workerd did not answer in time\n')
  workerd.kill('SIGKILL')
  process.exit(1)
}
