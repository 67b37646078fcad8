import { setTimeout as sleep } from 'node:timers/promises'
import type {
  Metadata,
  sendUnaryData,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { unavailable, type SimRpcError } from './sim-errors.ts'
import type { SimFault, SimFaults } from './sim-faults.ts'

/** What every call of a simulated server goes through. */
export interface CallGuard {
  readonly faults: SimFaults
  /** Ends waiting calls when the server stops. */
  readonly stopped: AbortSignal
  /** Throws unless the macaroon in `metadata` allows `uri`. */
  authorize(metadata: Metadata, uri: string): void
}

export type Unary<Request, Response> = (request: Request) => Response
/** Writes until it calls `end`; what it returns undoes its subscriptions when the client is gone. */
export type Streaming<Request, Response> = (
  request: Request,
  stream: { write(message: Response): void; end(): void },
  fault: SimFault | undefined,
) => () => void

type Handler = UntypedServiceImplementation[string]

/** A unary method with authorization and faults around it. */
export function unaryCall<Request, Response>(
  guard: CallGuard,
  uri: string,
  handle: Unary<Request, Response>,
): Handler {
  return (call: ServerUnaryCall<Request, Response>, reply: sendUnaryData<Response>) => {
    const answer = async () => {
      const fault = await enter(guard, uri, call.metadata)
      const response = handle(call.request)
      if (fault?.kind === 'cut') throw unavailable('the simulated connection was lost')
      return response
    }
    answer().then(
      (response) => reply(null, response),
      (error: SimRpcError) => reply(error),
    )
  }
}

/** A method that streams, with authorization and faults around it. */
export function streamingCall<Request, Response>(
  guard: CallGuard,
  uri: string,
  handle: Streaming<Request, Response>,
): Handler {
  return (call: ServerWritableStream<Request, Response>) => {
    let over = false
    let undo: (() => void) | undefined
    /** Once, however the call ends; `undo` may not be known yet when it ends within `handle`. */
    const finish = () => {
      over = true
      undo?.()
    }
    const answer = async () => {
      const fault = await enter(guard, uri, call.metadata)
      if (call.cancelled) return
      const cut = fault?.kind === 'cut'
      const stream = {
        write: (message: Response) => {
          if (!over && !cut) call.write(message)
        },
        end: () => {
          if (!over && !cut) call.end()
          finish()
        },
      }
      call.on('cancelled', finish)
      call.on('close', finish)
      undo = handle(call.request, stream, fault)
      if (over) undo?.()
      if (cut) throw unavailable('the simulated connection was lost')
    }
    answer().catch((error: SimRpcError) => {
      finish()
      call.emit('error', error)
    })
  }
}

async function enter(
  guard: CallGuard,
  uri: string,
  metadata: Metadata,
): Promise<SimFault | undefined> {
  const fault = guard.faults.take(uri.slice(uri.lastIndexOf('/') + 1))
  if (fault?.kind === 'refuse') throw unavailable('the simulated connection was refused')
  if (fault?.kind === 'slow') await sleep(fault.ms, undefined, { signal: guard.stopped })
  guard.authorize(metadata, uri)
  return fault
}
