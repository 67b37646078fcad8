// `npm run pay -- INVOICE`: pays from the SIMULATED client wallet of the `npm start` that is running.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { openLnd } from '../settlement/src/lightning/open-lnd.ts'

/** As much as the settler allows for its own payments. */
const FEE_LIMIT_MSAT = 1_000n
const TIMEOUT_SECONDS = 20
const CLTV_LIMIT = 1008

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { data: { type: 'string', default: '.infernet' } },
})
const [invoice] = positionals
if (invoice === undefined) {
  console.error('usage: npm run pay -- INVOICE [--data DIR]')
  process.exit(2)
}
const folder = join(resolve(values.data), 'lightning', 'client')
const wallet = await openLnd({
  socket: readOrExplain('socket'),
  certificate: readOrExplain('tls.cert'),
  macaroon: Buffer.from(readFileSync(join(folder, 'admin.macaroon'))).toString('hex'),
})
try {
  const outcome = await wallet.pay({
    to: { kind: 'bolt11', bolt11: invoice },
    feeLimitMsat: FEE_LIMIT_MSAT,
    timeoutSeconds: TIMEOUT_SECONDS,
    cltvLimit: CLTV_LIMIT,
    maxParts: 1,
  })
  if (outcome.status === 'succeeded') {
    const paid = styleText('green', `paid ${Number(outcome.amountMsat) / 1000} sat`)
    console.log(`${paid} (SIMULATED), preimage ${outcome.preimage}`)
  } else {
    const reason = 'reason' in outcome ? `: ${outcome.reason}` : ''
    console.error(`not paid, ${outcome.status}${reason} (SIMULATED)`)
    process.exitCode = 1
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  wallet.close()
}

function readOrExplain(name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8')
  } catch {
    console.error(
      `There is no simulated wallet in ${folder}: start it with npm start, or name --data.`,
    )
    process.exit(2)
  }
}
