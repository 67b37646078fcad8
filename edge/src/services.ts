import type { RequestId } from '@infernet/schemas/ids'
import type { Context } from 'hono'
import type { AuditStore } from './audit/audit-port.ts'
import type { SlashStore } from './audit/slash-port.ts'
import type { AuditKeys } from './audit/audit-keys.ts'
import type { KeyRing } from './auth/key-ring.ts'
import type { BillingStore, SettlerPort } from './billing/billing-port.ts'
import type { PricedJobsService } from './billing/priced-jobs-service.ts'
import type { EarningsStore } from './earnings/earnings-port.ts'
import type { EdgeEvents } from './events.ts'
import type { L402 } from './l402/l402.ts'
import type { AccountPort, HubPort, StorePort } from './ports.ts'
import type { ProviderStore } from './reputation/provider-port.ts'
import type { ReceiptArchive } from './receipts/receipt-archive.ts'

/** All that the routes use; a host makes it once. */
export interface EdgeServices {
  readonly hub: HubPort
  readonly accounts: AccountPort
  readonly store: StorePort
  readonly archive: ReceiptArchive
  readonly billing: BillingStore
  readonly pricedJobs: PricedJobsService
  /** Hears of new orders. */
  readonly settler: SettlerPort
  readonly keys: KeyRing
  /** Absent: this edge audits nothing. */
  readonly audit: AuditKeys | undefined
  readonly audits: AuditStore
  readonly slashes: SlashStore
  readonly providers: ProviderStore
  readonly earnings: EarningsStore
  /** Absent: this edge sells no bundles and takes none. */
  readonly l402: L402 | undefined
  /** Where a request comes from, as far as the host can tell: an IP address. */
  readonly addressOf: (c: EdgeContext) => string
  readonly events: EdgeEvents
  readonly now: () => number
  /** Absent: the operator API answers 404. */
  readonly operatorToken: string | undefined
  /** Whether anyone may read /metrics; else the operator's token is needed. */
  readonly openMetrics: boolean
}

/** What every request carries through its handlers. */
export interface EdgeEnv {
  /** What the host knows of a request; on Node the address of the socket. */
  Bindings: { readonly address?: string }
  Variables: {
    requestId: RequestId
    startedAt: number
    /** `x-ratelimit-*`, once a hold was asked for, for keys and accounts that have rate limits. */
    rateLimits?: Readonly<Record<string, string>>
  }
}
export type EdgeContext = Context<EdgeEnv>
