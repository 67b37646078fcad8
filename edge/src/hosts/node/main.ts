import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parseComputeRates } from '@infernet/settlement/compute-price'
import { parseFeeBps } from '@infernet/settlement/ledger/fee'
import { parseMasterKeys } from '@infernet/settlement/l402/root-key'
import { crashAt } from '@infernet/settlement/settler/crash-at'
import { parsePriceBounds } from '@infernet/settlement/price-bounds'
import { AuditKeys, parseAuditSecret } from '../../audit/audit-keys.ts'
import { parseConductTimes } from '../../audit/conduct-times.ts'
import { parseOpenVerifiers, parseVerifiers } from '../../audit/trusted-verifiers.ts'
import { parseCanaries } from '../../canary/canary-settings.ts'
import { parseTimeouts } from '../../hub/job-timeouts.ts'
import { telemetrySettings } from '../../telemetry/otlp-settings.ts'
import { auditSecretIn } from '../audit-secret.ts'
import { LogWriter } from './log-writer.ts'
import { startNodeEdge } from './node-edge.ts'

/** How long running jobs may still take when the edge is told to stop. */
const GRACE_MS = 20_000

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
    'trust-proxy': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const USAGE = `usage: node edge/src/hosts/node/main.ts --database-url URL [options]

  --host HOST                 address to listen on (127.0.0.1)
  --port PORT                 port to listen on (8787, or INFERNET_PORT)
  --data DIR                  live balances are kept here (.infernet)
  --database-url URL          postgres://… or http://…/sql (or DATABASE_URL)
  --operator-token-file FILE  enables the operator API with the token in FILE
  --settler-token-file FILE   lets the settler with the token in FILE connect
  --l402-keys-file FILE       sells bundles to clients without an account (L402): a master key of 64 hex
                              digits a line, newest first; a settler is needed too
  --audit-secret-file FILE    what audits are drawn from, 64 hex digits: the same for all edges of an
                              operator (made in DIR/edge/audit-secret)
  --trust-proxy               take a client's address from X-Forwarded-For, as the nearest proxy has it

environment:
  INFERNET_JOB_TIMEOUTS       JSON with any of acceptMs, firstByteMs, wholeAnswerMs, idleMs,
                              deadlineMs, cancelGraceMs
  INFERNET_FEE_BPS            what the platform keeps of a job's cost: 50 to 200 basis points (100)
  INFERNET_COMPUTE_RATES      what computing is quoted at: gpu_hour=2000000,gib_hour=5000,exaflop=1400000
                              in whole msat
  INFERNET_VERIFIERS          peer ids of verifiers that may see what clients ask, to score the answers
  INFERNET_OPEN_VERIFIERS     yes: other verifiers may help with answers that their clients open to anybody (no)
  INFERNET_CANARY_ACCOUNT     acct_…: providers are asked things again to check them, which this account pays
  INFERNET_CANARY_SHARE       of the requests, 0 to 1: how often (0.01)
  INFERNET_CHALLENGES         of the providers, 0 to 1: how many a day are asked whether they are one machine with
                              another (0.1; 0: nobody is; the canaries' account pays)
  INFERNET_SUSPENSION_HOURS, INFERNET_ACCUSATION_HOURS, INFERNET_APPEAL_HOURS
                              how long providers rest, wait and may appeal (24, 72, 72)
  INFERNET_MIN_PRICE, INFERNET_MAX_PRICE
                              what providers may ask: prompt=…,completion=… in msat per million tokens
  OTEL_EXPORTER_OTLP_ENDPOINT http(s)://… of an OpenTelemetry collector: requests are traced
  OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER_ARG
`

if (values.help || values['database-url'] === '') {
  process.stderr.write(USAGE)
  process.exit(values.help ? 0 : 2)
}

const tokenIn = (file: string | undefined): string | undefined =>
  file === undefined ? undefined : readFileSync(file, 'utf8').trim()
const masterKeys = tokenIn(values['l402-keys-file'])
const writer = new LogWriter(process.stdout)
const edge = await startNodeEdge({
  host: values.host,
  port: Number(values.port),
  dataDir: values.data,
  databaseUrl: values['database-url'],
  operatorToken: tokenIn(values['operator-token-file']),
  settlerToken: tokenIn(values['settler-token-file']),
  masterKeys: masterKeys === undefined ? undefined : parseMasterKeys(masterKeys),
  audit: new AuditKeys(parseAuditSecret(auditSecretIn(values['audit-secret-file'], values.data))),
  trustedVerifiers: parseVerifiers(process.env['INFERNET_VERIFIERS']),
  openVerifiers: parseOpenVerifiers(process.env['INFERNET_OPEN_VERIFIERS']),
  canaries: parseCanaries(
    process.env['INFERNET_CANARY_ACCOUNT'],
    process.env['INFERNET_CANARY_SHARE'],
    process.env['INFERNET_CHALLENGES'],
  ),
  conductTimes: parseConductTimes({
    suspension: process.env['INFERNET_SUSPENSION_HOURS'],
    accusation: process.env['INFERNET_ACCUSATION_HOURS'],
    appeal: process.env['INFERNET_APPEAL_HOURS'],
  }),
  trustProxy: values['trust-proxy'],
  log: writer.log,
  timeouts: parseTimeouts(process.env['INFERNET_JOB_TIMEOUTS']),
  prices: parsePriceBounds(process.env['INFERNET_MIN_PRICE'], process.env['INFERNET_MAX_PRICE']),
  feeBps: parseFeeBps(process.env['INFERNET_FEE_BPS']),
  computeRates: parseComputeRates(process.env['INFERNET_COMPUTE_RATES']),
  telemetry: telemetrySettings(process.env),
  at: crashAt(process.env),
}).catch((error: unknown) => {
  process.stderr.write(`edge: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
process.stdout.write(`${JSON.stringify({ ready: true, url: edge.url })}\n`)

let stopping = false
async function stop(): Promise<void> {
  if (stopping) process.exit(1)
  stopping = true
  await edge.close(GRACE_MS)
  writer.flush()
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
if (process.env['INFERNET_SUPERVISED'] === '1')
  process.stdin.on('end', stop).on('error', stop).resume()
