import { faultOf, type Engine, type EngineRequest, type Evidence } from '../engines/engine.ts'
import { CalibrationError } from './calibration-error.ts'

/**
 * Has one request answered; resolves with what the engine shows of it. Rejects with
 * {@link CalibrationError} when it fails, shows nothing, or is aborted.
 */
export async function askEngine(
  engine: Engine,
  request: EngineRequest,
  signal: AbortSignal,
): Promise<Evidence> {
  if (signal.aborted) throw aborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = ({ message }: { readonly message: string }): void =>
    reject(new CalibrationError('engine_failed', `a request failed: ${message}`))
  const run = begin(engine, request, { data: () => {}, finish: () => resolve(), fail })
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
  const evidence = run.evidence?.()
  if (evidence !== undefined) return evidence
  const message = `${engine.kind} does not show how it answered: update it, or use --engine llama-cpp`
  throw new CalibrationError('no_evidence', message)
}

function begin(engine: Engine, ...args: Parameters<Engine['begin']>): ReturnType<Engine['begin']> {
  try {
    return engine.begin(...args)
  } catch (cause) {
    const { message } = faultOf(cause)
    throw new CalibrationError('engine_failed', `a request was refused: ${message}`, { cause })
  }
}

const aborted = (): CalibrationError => new CalibrationError('aborted', 'the requests were stopped')
