export type ServiceErrorCode =
  /** There is no systemd, or none that answers. */
  | 'no_systemd'
  /** systemd is too old. */
  | 'old_systemd'
  /** Only root may. */
  | 'not_root'
  /** The options cannot be a service's. */
  | 'bad_options'
  /** The service could not read a file that it needs. */
  | 'unreadable'
  /** Something is in the way that we have not written. */
  | 'taken'
  /** systemd would not do it. */
  | 'refused'

/** The service cannot be as asked; the message says what to do. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ServiceErrorCode
  /** What to type now. */
  readonly next: string | undefined

  constructor(
    code: ServiceErrorCode,
    message: string,
    { next, ...options }: ErrorOptions & { readonly next?: string | undefined } = {},
  ) {
    super(message, options)
    this.code = code
    this.next = next
  }
}
