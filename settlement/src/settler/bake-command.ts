import type { Command } from 'commander'
import { bakeMacaroons } from './bake-macaroons.ts'
import { readOption } from './run-options.ts'

interface BakeFlags {
  readonly adminMacaroon: string
  readonly lnd: string
  readonly lndCert: string
  readonly out: string
}

/** Adds `bake` to the program. */
export function addBakeCommand(program: Command): void {
  program
    .command('bake')
    .description('have LND bake a macaroon for each task of the settler, none of which can do more')
    .requiredOption('--admin-macaroon <file>', 'LND’s admin.macaroon; not needed afterwards')
    .requiredOption('--lnd <host:port>', 'LND’s gRPC listener')
    .requiredOption('--lnd-cert <file>', 'LND’s tls.cert')
    .requiredOption('--out <dir>', 'where intake, payout and recon.macaroon are written')
    .action(bake)
}

async function bake({ adminMacaroon, lnd, lndCert, out }: BakeFlags): Promise<void> {
  const admin = {
    socket: lnd,
    certificate: readOption(lndCert).toString(),
    macaroon: readOption(adminMacaroon).toString('hex'),
  }
  for (const file of await bakeMacaroons(admin, out)) process.stdout.write(`${file}\n`)
}
