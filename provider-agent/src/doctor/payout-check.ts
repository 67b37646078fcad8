import type { PayoutWishes } from '@infernet/schemas/wire'
import type { LndAddress } from '@infernet/settlement/lightning/lnd/lnd-connection'
import { httpsPorts } from '@infernet/settlement/lnurl/https-ports'
import type { GuardedFetchPorts } from '@infernet/settlement/lnurl/guarded-fetch'
import type { InvoiceIssuer } from '../payout/invoice-issuer.ts'
import {
  PayoutFlagError,
  payoutText,
  readPayoutFlags,
  type PayoutFlags,
} from '../payout/payout-plan.ts'
import { addressFinding } from './address-finding.ts'
import { failed, ok, warning, type Check, type Finding } from './check.ts'
import { isNodeKey } from './node-key.ts'
import { nodeFinding } from './node-finding.ts'

/** An address is asked twice, a node three times. */
const PAYOUT_LIMIT_MS = 30_000

export interface PayoutCheckOptions {
  readonly flags: PayoutFlags
  /** The Lightning network that the edge pays on; undefined where it does not say. */
  readonly network: (signal: AbortSignal) => Promise<string | undefined>
  /** What makes invoices of the owner's node; undefined where there is no key yet to make them with. */
  readonly issuer: (node: LndAddress) => Pick<InvoiceIssuer, 'close' | 'info' | 'issue'> | undefined
  /** ms since the epoch. */
  readonly now: () => number
  /** The outside, for Lightning addresses. */
  readonly ports?: GuardedFetchPorts
}

/** Whether it was said where the earnings go, and whether money can get there: it is asked for an invoice. */
export const payoutCheck = (options: PayoutCheckOptions): Check => ({
  id: 'payout',
  name: 'payout',
  limitMs: PAYOUT_LIMIT_MS,
  async run(signal) {
    try {
      const plan = readPayoutFlags(options.flags)
      if (plan === undefined)
        return warning('earnings will wait at the edge', 'say where they go: --payout user@domain')
      const network = await options.network(signal)
      return await destinationFinding(plan.payout, plan.lnd, network, { options, signal })
    } catch (error) {
      if (!(error instanceof PayoutFlagError)) throw error
      return failed(error.message, 'write it like --payout me@wallet.example')
    }
  },
})

async function destinationFinding(
  wishes: PayoutWishes,
  lnd: LndAddress | undefined,
  network: string | undefined,
  { options, signal }: { readonly options: PayoutCheckOptions; readonly signal: AbortSignal },
): Promise<Finding> {
  const { to } = wishes
  if (to.kind === 'lightning_address') {
    const { now, ports = httpsPorts } = options
    const thresholdSat = wishes.threshold_sat
    return addressFinding({ address: to.address, thresholdSat, network, now: now(), ports, signal })
  }
  if (to.kind === 'keysend') return keysendFinding(to.pubkey, payoutText(wishes), network)
  const issuer = lnd && options.issuer(lnd)
  if (issuer === undefined)
    return ok(`${payoutText(wishes)}; it is asked for one when there is a key`)
  try {
    return await nodeFinding(issuer, network)
  } finally {
    await issuer.close()
  }
}

function keysendFinding(pubkey: string, said: string, network: string | undefined): Finding {
  if (!isNodeKey(pubkey))
    return failed('these 66 hex digits are no key of a node', 'lncli getinfo shows identity_pubkey')
  const where = network === undefined ? '' : ` on ${network}`
  return ok(`${said}${where}; only a payment shows whether it takes that`)
}
