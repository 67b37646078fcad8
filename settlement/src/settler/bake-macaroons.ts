import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BakeMacaroonResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/BakeMacaroonResponse.js'
import { connectLnd, unary, type LndAddress } from '../lightning/lnd/lnd-connection.ts'
import { INTAKE_URIS, PAYOUT_URIS, RECONCILE_URIS } from '../lightning/lnd/macaroon-roles.ts'
import type { MacaroonRole } from './run-options.ts'

const ROLES: Readonly<Record<MacaroonRole, readonly string[]>> = {
  intake: INTAKE_URIS,
  payout: PAYOUT_URIS,
  recon: RECONCILE_URIS,
}
/** Who has one can act for its task. */
const FILE_MODE = 0o600
const DIR_MODE = 0o700

/** LND's own macaroons are signed with this one, which it never forgets. */
const DEFAULT_ROOT_KEY = '0'

/**
 * Has LND bake one macaroon per task and writes them to `out`. `admin` is with a macaroon that may bake. What
 * is signed with a root key of its own (`rootKeyId`, any number but 0) can be revoked by deleting that key.
 * Returns the files. Throws `LightningError`.
 */
export async function bakeMacaroons(
  admin: LndAddress,
  out: string,
  rootKeyId = DEFAULT_ROOT_KEY,
): Promise<readonly string[]> {
  const lnd = connectLnd(admin)
  try {
    mkdirSync(out, { recursive: true, mode: DIR_MODE })
    const files: string[] = []
    for (const [role, uris] of Object.entries(ROLES)) {
      const permissions = uris.map((action) => ({ entity: 'uri', action }))
      const { macaroon } = await unary<BakeMacaroonResponse>((options, done) =>
        lnd.lightning.BakeMacaroon({ permissions, rootKeyId }, options, done),
      )
      const file = join(out, `${role}.macaroon`)
      writeFileSync(file, Buffer.from(macaroon, 'hex'), { mode: FILE_MODE })
      files.push(file)
    }
    return files
  } finally {
    lnd.close()
  }
}
