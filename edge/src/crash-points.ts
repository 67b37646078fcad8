import type { AuditStore } from './audit/audit-port.ts'
import type { BillingStore } from './billing/billing-port.ts'
import type { PricedJobStore } from './billing/priced-jobs-port.ts'
import type { AccountPort, HubPort, StorePort } from './ports.ts'

/** What the edge asks of its ports on the money's way; `docs/payments.md` has them in the order of the flows. */
const OPERATIONS = [
  'hold',
  'capture',
  'outbox',
  'live-transfer',
  'once-begin',
  'once-end',
  'topup-order',
  'withdrawal-order',
  'transfer-outcome',
  'run',
  'agent-invoice',
  'receipts',
  'verdict',
  'job-quote',
  'job-claim',
  'job-answer',
  'job-failure',
  'job-withdrawal',
] as const
type Operation = (typeof OPERATIONS)[number]

/** `during`: it was asked, and has not answered; what it does has happened or has not. */
const STAGES = ['before', 'during', 'after'] as const

/** Postgres has what the outbox had, and so the outbox has forgotten it. */
export const OUTBOX_EMPTIED = 'outbox:emptied'
export type EdgeStep = `${Operation}:${(typeof STAGES)[number]}` | typeof OUTBOX_EMPTIED

/** All of them: a test kills processes at each. */
export const EDGE_STEPS: readonly EdgeStep[] = [
  ...OPERATIONS.flatMap((operation) => STAGES.map((stage) => `${operation}:${stage}` as const)),
  OUTBOX_EMPTIED,
]

/** Called at each named step of the money's way, and awaited: whoever it kills gets no further. */
export type AtEdgeStep = (step: EdgeStep) => void | Promise<void>

/** Methods that are an operation each. */
type Operations<Port> = { readonly [Method in keyof Port]?: Operation }

export const ACCOUNT_POINTS = {
  reserve: 'hold',
  settle: 'capture',
  transfer: 'live-transfer',
  beginOnce: 'once-begin',
  finishOnce: 'once-end',
} as const satisfies Operations<AccountPort>

export const STORE_POINTS = {
  writeLedgerEvents: 'outbox',
  storeReceipts: 'receipts',
} as const satisfies Operations<StorePort>

export const BILLING_POINTS = {
  orderTopUp: 'topup-order',
  orderWithdrawal: 'withdrawal-order',
  transferEnded: 'transfer-outcome',
} as const satisfies Operations<BillingStore>

export const PRICED_JOB_POINTS = {
  quote: 'job-quote',
  claim: 'job-claim',
  complete: 'job-answer',
  fail: 'job-failure',
  withdraw: 'job-withdrawal',
} as const satisfies Operations<PricedJobStore>

export const HUB_POINTS = {
  submit: 'run',
  askInvoice: 'agent-invoice',
} as const satisfies Operations<HubPort>

export const AUDIT_POINTS = { record: 'verdict' } as const satisfies Operations<AuditStore>

/**
 * For crash tests only: the port with a named step before, during and after each of these methods, all of which return
 * promises. The port itself where nobody asks for crashes (`at` is undefined).
 */
export function crashable<Port extends object>(
  port: Port,
  operations: Operations<Port>,
  at: AtEdgeStep | undefined,
): Port {
  if (at === undefined) return port
  const named: Readonly<Partial<Record<PropertyKey, Operation>>> = operations
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const method = value.bind(target) as Method
      const operation = named[name]
      return operation === undefined ? method : stepped(method, operation, at)
    },
  })
}

type Method = (...args: readonly unknown[]) => unknown

const stepped =
  (method: Method, operation: Operation, at: AtEdgeStep) =>
  async (...args: readonly unknown[]): Promise<unknown> => {
    await at(`${operation}:before`)
    const pending = Promise.resolve(method(...args))
    // Whoever awaits it below hears; meanwhile nobody does.
    pending.catch(() => {})
    await at(`${operation}:during`)
    const result = await pending
    await at(`${operation}:after`)
    return result
  }
