import { Metadata, status, type ServiceError } from '@grpc/grpc-js'

/** The words and status codes in which LND 0.21 refuses; the conformance suite holds both to them. */
export class SimRpcError extends Error implements ServiceError {
  override readonly name = 'SimRpcError'
  readonly code: status
  readonly details: string
  readonly metadata = new Metadata()

  constructor(code: status, details: string) {
    super(details)
    this.code = code
    this.details = details
  }
}

export const unknownError = (details: string) => new SimRpcError(status.UNKNOWN, details)
export const unavailable = (details: string) => new SimRpcError(status.UNAVAILABLE, details)
export const notFound = (details: string) => new SimRpcError(status.NOT_FOUND, details)
export const alreadyExists = (details: string) => new SimRpcError(status.ALREADY_EXISTS, details)

export type SimulationErrorCode = 'production' | 'state_file'

/** Why there is no simulated network. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError'
  readonly code: SimulationErrorCode

  constructor(code: SimulationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
