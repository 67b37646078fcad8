import { telemetrySettings, type TelemetrySettings } from '../../telemetry/otlp-settings.ts'
import { Tracer } from '../../telemetry/tracer.ts'
import type { WorkerEnv } from './env.ts'
import { workerLog } from './worker-log.ts'

/**
 * Traces of one isolate or object, if there is a collector to send them to. Settings that make no sense
 * are logged: nobody is refused for them.
 */
export function workerTracer(
  env: WorkerEnv,
  instance: string,
  later: (task: () => Promise<void>, delayMs: number) => void,
): Tracer | undefined {
  let settings: TelemetrySettings | undefined
  try {
    settings = telemetrySettings(env)
  } catch (error) {
    workerLog('traces_lost', { error: String(error) })
  }
  if (settings === undefined) return undefined
  return new Tracer({
    settings,
    instance,
    fetch: (url, init) => fetch(url, init),
    later,
    now: Date.now,
    onError: (error) => workerLog('traces_lost', { error: String(error) }),
  })
}
