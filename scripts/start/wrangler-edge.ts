// The edge under `wrangler dev`, which rebuilds the Worker whenever its source changes. Same command
// line and ready line as the other hosts. For developing only: it costs many times their CPU.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { auditSecretIn } from '@infernet/edge/hosts/audit-secret'

/** Bundling and two workerd processes, on a busy machine. */
const READY_TIMEOUT_MS = 60_000
const POLL_MS = 100

/** Offline, silent, and without the trace store that writes every event to disk. */
const OFFLINE = {
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  X_LOCAL_OBSERVABILITY: 'false',
  X_LOCAL_EXPLORER: 'false',
}

const text = { type: 'string', default: '' } as const
const { values } = parseArgs({
  options: {
    port: text,
    data: text,
    'database-url': text,
    'operator-token-file': text,
    'settler-token-file': text,
    'l402-keys-file': text,
    'audit-secret-file': text,
  },
})

const root = fileURLToPath(new URL('../..', import.meta.url))
const state = join(values.data, 'wrangler')
mkdirSync(state, { recursive: true, mode: 0o700 })
const envFile = join(state, 'env')
const variables = {
  DATABASE_URL: values['database-url'],
  OPERATOR_TOKEN: tokenIn(values['operator-token-file']),
  SETTLER_TOKEN: tokenIn(values['settler-token-file']),
  AUDIT_SECRET: auditSecretIn(values['audit-secret-file'] || undefined, values.data),
  L402_KEYS: tokenIn(values['l402-keys-file']).replaceAll('\n', ' '),
}
const lines = Object.entries(variables).filter(([, value]) => value !== '')
writeFileSync(envFile, lines.map(([name, value]) => `${name}="${value}"\n`).join(''), {
  mode: 0o600,
})

const address = ['--ip', '127.0.0.1', '--port', values.port]
const files = ['--env-file', envFile, '--persist-to', state]
const wrangler = spawn(
  join(root, 'node_modules', '.bin', 'wrangler'),
  ['dev', '--local', ...address, ...files, '--show-interactive-dev-session=false'],
  { cwd: root, env: { ...process.env, ...OFFLINE }, stdio: ['ignore', 'inherit', 'inherit'] },
)
wrangler.on('exit', (code) => process.exit(code ?? 0))
const stop = () => wrangler.kill('SIGTERM')
process.on('SIGTERM', stop).on('SIGINT', stop)
if (process.env['INFERNET_SUPERVISED'] === '1') process.stdin.on('end', stop).resume()

const url = `http://127.0.0.1:${values.port}`
const deadline = Date.now() + READY_TIMEOUT_MS
while (!(await isHealthy())) {
  if (Date.now() > deadline) throw new Error('wrangler dev did not answer in time')
  await sleep(POLL_MS)
}
process.stdout.write(`${JSON.stringify({ ready: true, url })}\n`)

function tokenIn(file: string): string {
  return file === '' ? '' : readFileSync(file, 'utf8').trim()
}

async function isHealthy(): Promise<boolean> {
  const answer = await fetch(`${url}/healthz`).catch(() => undefined)
  return answer?.ok === true
}
