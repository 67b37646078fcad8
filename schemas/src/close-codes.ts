/** WebSocket close codes of the provider protocol (4000-4999 are for applications, RFC 6455 §7.4.2). */
export const CLOSE = {
  /** The edge restarts or is deployed anew (registered with IANA): reconnect with jitter. */
  restarting: 1012,
  /** Bad frame: truncated, oversized, unknown type, or illegal in this state. */
  protocol: 4400,
  /** Login refused: bad signature, replay, wrong audience, clock skew, late answer. */
  unauthorized: 4401,
  /** An offer's price is outside of this edge's bounds; the reason names them. */
  price: 4402,
  /** A frame for a job that was never given to this connection. */
  foreignJob: 4403,
  /** No protocol version in common; the reason names both ranges. */
  version: 4406,
  /** Silent for too long. */
  silent: 4408,
  /** The same key logged in again; the older socket is closed. */
  replaced: 4409,
  /** Where its earnings go is not signed with the provider's key. */
  payout: 4422,
  /** Audits have shown that its answers are not those of the model that it offers. */
  banned: 4423,
  /** Its GPU serves under another key already. */
  sharedGpu: 4424,
  /** The edge holds as many providers as it can. */
  overloaded: 4429,
} as const

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE]

/** Codes after which reconnecting with the same key and version can never help. */
export const isFatalClose = (code: number): boolean =>
  code === CLOSE.version || code === CLOSE.banned
