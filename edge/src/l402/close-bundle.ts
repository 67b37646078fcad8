import { ApiError } from '@infernet/openai-compat/api-error'
import type { AccountId } from '@infernet/schemas/ids'
import { feeLimit } from '@infernet/settlement/payout/payout-policy'
import type { PayoutDestination } from '@infernet/settlement/payout/payout-store'
import { applyTransfers, type TransferRim } from '../billing/apply-transfers.ts'
import type { BillingStore, StoredWithdrawal } from '../billing/billing-port.ts'
import type { AccountPort } from '../ports.ts'
import { isUnfinished } from '../billing/billing-json.ts'
import { orderId } from '../billing/order-id.ts'
import { isSameDestination } from '../billing/withdrawal-draft.ts'
import { closingOf, type Closing } from './closing.ts'

export interface CloseRim {
  readonly accounts: Pick<AccountPort, 'balance'> & TransferRim['accounts']
  readonly billing: Pick<BillingStore, 'orderWithdrawal' | 'findWithdrawal' | 'withdrawalsOf'> &
    TransferRim['billing']
}

/** Where the rest of a bundle is to go, and how much of it if that is said. */
export interface CloseDestination {
  readonly destination: PayoutDestination
  /** Undefined: as much as can be sent. */
  readonly amountMsat: bigint | undefined
}

/**
 * Orders that what is left of a bundle is paid out. Asked again, it answers with the same withdrawal
 * until that has failed, or until there is something left again. Throws ApiError 409 while requests of
 * the bundle run, another withdrawal is under way, or there is less than 2 sat, and 400 for an invoice
 * that asks for more than there is.
 */
export async function closeBundle(
  rim: CloseRim,
  accountId: AccountId,
  wanted: CloseDestination,
): Promise<StoredWithdrawal> {
  const { accounts, billing } = rim
  const { destination } = wanted
  const [last] = await billing.withdrawalsOf(accountId, 1)
  if (last !== undefined && (isUnfinished(last) || isPaidInvoice(last, destination))) {
    return theSame(last, destination)
  }
  const { availableMsat, openHolds } = await accounts.balance(accountId)
  if (openHolds > 0) throw running(openHolds)
  const most = closingOf(BigInt(availableMsat))
  if (most === undefined) {
    if (last?.payout === 'succeeded' && isSameDestination(last.destination, destination))
      return last
    throw nothingLeft(availableMsat)
  }
  // It follows from the one before it, so that who asks twice at once orders one.
  const id = orderId('wd', accountId, `close ${last?.id ?? ''}`)
  await billing.orderWithdrawal({ id, accountId, ...amountsOf(wanted, most), destination })
  await applyTransfers(rim, [`wd:${id}`])
  const ordered = await billing.findWithdrawal(accountId, id)
  if (ordered === undefined || ordered.funding === 'refused') throw balanceChanged()
  return theSame(ordered, destination)
}

/** An invoice is paid once. */
const isPaidInvoice = (last: StoredWithdrawal, destination: PayoutDestination): boolean =>
  last.payout === 'succeeded' &&
  destination.kind === 'bolt11' &&
  isSameDestination(last.destination, destination)

function theSame(withdrawal: StoredWithdrawal, destination: PayoutDestination): StoredWithdrawal {
  if (!isSameDestination(withdrawal.destination, destination)) throw underWay(withdrawal.id)
  return withdrawal
}

function amountsOf({ amountMsat }: CloseDestination, most: Closing): Closing {
  if (amountMsat === undefined || amountMsat === most.amountMsat) return most
  if (amountMsat > most.amountMsat) throw tooMuch(amountMsat, most.amountMsat)
  return { amountMsat, feeReserveMsat: feeLimit(amountMsat) }
}

const conflict = (code: string, message: string, shouldRetry = false): ApiError =>
  new ApiError({ status: 409, type: 'invalid_request_error', code, shouldRetry, message })

const running = (requests: number): ApiError =>
  conflict(
    'requests_running',
    `${requests} requests of this bundle are running. Close it when they have ended.`,
  )

const underWay = (id: string): ApiError =>
  conflict('withdrawal_under_way', `Withdrawal ${id} of this bundle is under way to another payee.`)

const nothingLeft = (availableMsat: number): ApiError =>
  conflict(
    'nothing_left',
    `${availableMsat} msat are left of this bundle. At least 2000 msat are needed: 1 sat to send, 1 sat for routing.`,
  )

const balanceChanged = (): ApiError =>
  conflict('balance_changed', 'The bundle was used at the same moment. Try again.', true)

const tooMuch = (asked: bigint, most: bigint): ApiError =>
  new ApiError({
    status: 400,
    type: 'invalid_request_error',
    code: 'invalid_invoice',
    param: 'invoice',
    message: `The invoice asks for ${asked} msat, but ${most} msat of this bundle can be sent.`,
  })
