// SIMULATED Lightning as a process of its own: nodes with channels to the first of them, no money. For each
// node DIR/<alias>/ gets what LND's own folder has for its callers: tls.cert and macaroons.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AGENT_URIS, INTAKE_URIS, PAYOUT_URIS, RECONCILE_URIS } from '../lnd/macaroon-roles.ts'
import { ADMIN } from './sim-macaroons.ts'
import { startSimulatedLightning } from './simulated-lightning.ts'
import type { SimServer } from './sim-server.ts'

const MACAROONS: Readonly<Record<string, readonly string[]>> = {
  admin: ADMIN,
  intake: INTAKE_URIS,
  payout: PAYOUT_URIS,
  recon: RECONCILE_URIS,
  agent: AGENT_URIS,
}

const { values } = parseArgs({
  options: { data: { type: 'string' }, nodes: { type: 'string', default: 'operator,client' } },
})
if (values.data === undefined) {
  process.stderr.write(
    'usage: node settlement/src/lightning/sim/main.ts --data DIR [--nodes operator,client]\n',
  )
  process.exit(2)
}
const dir = values.data
mkdirSync(dir, { recursive: true, mode: 0o700 })
const aliases = values.nodes.split(',')
const lightning = await startSimulatedLightning({
  aliases,
  stateFile: join(dir, 'network.json'),
  log: (line) => process.stderr.write(`${line}\n`),
})
const nodes = aliases.map((alias) => describe(alias, lightning.server(alias)))
process.stdout.write(`${JSON.stringify({ ready: true, simulated: true, nodes })}\n`)

function describe(alias: string, server: SimServer): object {
  const folder = join(dir, alias)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const put = (name: string, content: string | Buffer) =>
    writeFileSync(join(folder, name), content, { mode: 0o600 })
  for (const [role, uris] of Object.entries(MACAROONS))
    put(`${role}.macaroon`, Buffer.from(server.address(uris).macaroon, 'hex'))
  put('tls.cert', server.address().certificate)
  put('socket', server.socket)
  return { alias, pubkey: server.node.pubkey, socket: server.socket, folder }
}

function stop(): void {
  lightning.close()
  process.exit(0)
}
process.on('SIGTERM', stop).on('SIGINT', stop)
if (process.env['INFERNET_SUPERVISED'] === '1') process.stdin.on('end', stop).resume()
