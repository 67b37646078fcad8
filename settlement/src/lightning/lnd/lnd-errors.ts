import { status, type ServiceError } from '@grpc/grpc-js'
import { LightningError, type LightningErrorCode } from '../lightning-error.ts'

const BY_STATUS: Readonly<Partial<Record<number, LightningErrorCode>>> = {
  [status.CANCELLED]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'timeout',
  [status.UNAVAILABLE]: 'unavailable',
  [status.NOT_FOUND]: 'not_found',
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.PERMISSION_DENIED]: 'permission',
  [status.UNAUTHENTICATED]: 'permission',
}

/** LND says most of what went wrong in words only; those of 0.20 and 0.21, held by the conformance suite. */
const BY_TEXT: readonly (readonly [text: string, code: LightningErrorCode])[] = [
  ['permission denied', 'permission'],
  ['verification failed', 'permission'],
  ['expected 1 macaroon', 'permission'],
  // Its root key was deleted.
  ['cannot get macaroon: root key with id', 'permission'],
  ['cannot determine data format of binary-encoded macaroon', 'permission'],
  ['invoice still open', 'invoice_open'],
  ['invoice already canceled', 'invoice_canceled'],
  ['invoice already settled', 'invoice_settled'],
  ['unable to locate invoice', 'not_found'],
  ['there are no existing invoices', 'not_found'],
  ['in the process of starting up', 'unavailable'],
  ['wallet locked', 'unavailable'],
  ['waiting to start', 'unavailable'],
]

export const ALREADY_EXISTS_TEXT = 'invoice with payment hash already exists'
const EXPIRED_TEXT = 'invoice expired'

export function toLightningError(error: ServiceError): LightningError {
  const byText = BY_TEXT.find(([text]) => error.details.includes(text))?.[1]
  const code = byText ?? BY_STATUS[error.code] ?? 'internal'
  return new LightningError(code, error.details, { cause: error })
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error
}

/** LND has a payment with this hash already, in whatever state but failed. */
export const isAlreadyExists = (error: ServiceError): boolean =>
  error.code === status.ALREADY_EXISTS

export const isNotFound = (error: ServiceError): boolean => error.code === status.NOT_FOUND

/** LND did not begin because of the invoice's date. */
export const isInvoiceExpired = (error: ServiceError): boolean =>
  error.code === status.UNKNOWN && error.details.startsWith(EXPIRED_TEXT)
