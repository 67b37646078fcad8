import type { Engine, EngineRequest, Evidence } from '../engines/engine.ts'
import { finishedRun, RunFault } from '../engines/finished-run.ts'
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
  const run = await finishedRun(engine, request, signal).catch((error: unknown) => {
    throw error instanceof RunFault ? calibrationError(error) : error
  })
  const evidence = run.evidence?.()
  if (evidence !== undefined) return evidence
  const message = `${engine.kind} does not show how it answered: update it, or use --engine llama-cpp`
  throw new CalibrationError('no_evidence', message)
}

function calibrationError(fault: RunFault): CalibrationError {
  const { code, message, cause } = fault
  if (code === 'aborted') return new CalibrationError('aborted', 'the requests were stopped')
  const what = code === 'refused' ? 'a request was refused' : 'a request failed'
  return new CalibrationError('engine_failed', `${what}: ${message}`, { cause })
}
