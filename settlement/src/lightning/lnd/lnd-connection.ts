import {
  credentials,
  Metadata,
  type CallOptions,
  type ChannelOptions,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js'
import { LightningError } from '../lightning-error.ts'
import { lndProtos, type LndProtos } from './lnd-protos.ts'
import { toLightningError } from './lnd-errors.ts'

/** LND answers all that is asked here in milliseconds; a busy node in a second or two. */
const UNARY_DEADLINE_MS = 10_000
/** Lists of many invoices are large; LND itself caps a message at about this. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024

/**
 * LND accepts a ping every 5 s at most, and without pings a dead path leaves a subscription silent for
 * days. Reconnecting is never put off for more than 5 s.
 */
const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 5_000,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
}

/** TLS knows no server name that is an IP address; LND's certificate is for `localhost` as well. */
const LOOPBACK_NAME: ChannelOptions = { 'grpc.ssl_target_name_override': 'localhost' }
const LOOPBACK = /^(127\.0\.0\.1|\[::1\]):/

export interface LndAddress {
  /** `host:port` of LND's gRPC listener. */
  readonly socket: string
  /** PEM of its TLS certificate. */
  readonly certificate: string
  /** Hex. */
  readonly macaroon: string
}

export interface LndConnection {
  readonly lightning: InstanceType<LndProtos['lnrpc']['Lightning']>
  readonly invoices: InstanceType<LndProtos['invoicesrpc']['Invoices']>
  readonly router: InstanceType<LndProtos['routerrpc']['Router']>
  readonly state: InstanceType<LndProtos['lnrpc']['State']>
  close(): void
}

/** Connects when first used; the four services share one HTTP/2 connection. */
export function connectLnd(address: LndAddress): LndConnection {
  const { lnrpc, invoicesrpc, routerrpc } = lndProtos()
  const macaroon = credentials.createFromMetadataGenerator((_, done) => {
    const metadata = new Metadata()
    metadata.add('macaroon', address.macaroon)
    done(null, metadata)
  })
  const tls = credentials.createSsl(Buffer.from(address.certificate))
  const both = credentials.combineChannelCredentials(tls, macaroon)
  const options = { ...CHANNEL_OPTIONS, ...(LOOPBACK.test(address.socket) ? LOOPBACK_NAME : {}) }
  const services = {
    lightning: new lnrpc.Lightning(address.socket, both, options),
    invoices: new invoicesrpc.Invoices(address.socket, both, options),
    router: new routerrpc.Router(address.socket, both, options),
    state: new lnrpc.State(address.socket, both, options),
  }
  return {
    ...services,
    close: () => {
      for (const service of Object.values(services)) service.close()
    },
  }
}

/** One call with a deadline. Throws `LightningError`. */
export async function unary<T>(
  call: (options: CallOptions, done: (error: ServiceError | null, value?: T) => void) => unknown,
  deadlineMs = UNARY_DEADLINE_MS,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  call({ deadline: Date.now() + deadlineMs }, (error, value) => {
    if (error !== null) reject(toLightningError(error))
    else if (value === undefined)
      reject(new LightningError('internal', 'LND answered with nothing'))
    else resolve(value)
  })
  return await promise
}

/**
 * What a server sends until it ends the stream. Ends quietly when `signal` aborts; throws the
 * {@link ServiceError} when the stream breaks.
 */
export async function* streamed<T>(
  open: () => ClientReadableStream<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  if (signal.aborted) return
  const stream = open()
  // Cancelling makes the stream fail, perhaps when nobody reads it any more.
  stream.on('error', () => {})
  const cancel = () => stream.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    for await (const message of stream as AsyncIterable<T>) {
      if (signal.aborted) return
      yield message
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', cancel)
    stream.cancel()
  }
}
