import type { Command } from 'commander'
import { bakeMacaroons } from './bake-macaroons.ts'
import { readOption } from './run-options.ts'
import { SettlerOptionError } from './settler-option-error.ts'

interface BakeFlags {
  readonly adminMacaroon: string
  readonly lnd: string
  readonly lndCert: string
  readonly out: string
  readonly rootKeyId?: string
}

/** LND's ids are 64-bit; nobody needs as many. */
const ROOT_KEY_ID = /^[1-9]\d{0,8}$/

/** Adds `bake` to the program. */
export function addBakeCommand(program: Command): void {
  program
    .command('bake')
    .description('have LND bake a macaroon for each task of the settler, none of which can do more')
    .requiredOption('--admin-macaroon <file>', 'LND’s admin.macaroon; not needed afterwards')
    .requiredOption('--lnd <host:port>', 'LND’s gRPC listener')
    .requiredOption('--lnd-cert <file>', 'LND’s tls.cert')
    .requiredOption('--out <dir>', 'where intake, payout and recon.macaroon are written')
    .option(
      '--root-key-id <n>',
      'sign with a root key of its own, which LND can delete to revoke them',
    )
    .action(bake)
}

async function bake(flags: BakeFlags): Promise<void> {
  const { adminMacaroon, lnd, lndCert, out, rootKeyId } = flags
  if (rootKeyId !== undefined && !ROOT_KEY_ID.test(rootKeyId))
    throw new SettlerOptionError(`--root-key-id is a number above 0, not '${rootKeyId}'`)
  const admin = {
    socket: lnd,
    certificate: readOption(lndCert).toString(),
    macaroon: readOption(adminMacaroon).toString('hex'),
  }
  for (const file of await bakeMacaroons(admin, out, rootKeyId)) process.stdout.write(`${file}\n`)
}
