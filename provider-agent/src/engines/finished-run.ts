import { faultOf, type Engine, type EngineRequest, type EngineRun } from './engine.ts'

export type RunFaultCode =
  /** The engine did not begin to answer. */
  'refused' | 'failed' | 'aborted'

/** A request has no whole answer; the message is the engine's. */
export class RunFault extends Error {
  override readonly name = 'RunFault'
  readonly code: RunFaultCode

  constructor(code: RunFaultCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * Has an engine answer one request, whose text nobody wants; resolves with the run when it is over. Rejects
 * with {@link RunFault}.
 */
export async function finishedRun(
  engine: Engine,
  request: EngineRequest,
  signal: AbortSignal,
): Promise<EngineRun> {
  if (signal.aborted) throw aborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = ({ message }: { readonly message: string }): void =>
    reject(new RunFault('failed', message))
  const run = begun(engine, request, { data: () => {}, finish: () => resolve(), fail })
  const abort = (): void => {
    run.abort()
    reject(aborted())
  }
  signal.addEventListener('abort', abort)
  try {
    await promise
  } finally {
    signal.removeEventListener('abort', abort)
  }
  return run
}

function begun(engine: Engine, ...args: Parameters<Engine['begin']>): EngineRun {
  try {
    return engine.begin(...args)
  } catch (cause) {
    throw new RunFault('refused', faultOf(cause).message, { cause })
  }
}

const aborted = (): RunFault => new RunFault('aborted', 'the request was stopped')
