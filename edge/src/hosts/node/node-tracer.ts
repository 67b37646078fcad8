import { hostname } from 'node:os'
import type { LogLine } from '../../events.ts'
import type { TelemetrySettings } from '../../telemetry/otlp-settings.ts'
import { Tracer } from '../../telemetry/tracer.ts'

/** Traces of one Node process. Spans that wait do not keep it alive. */
export const nodeTracer = (settings: TelemetrySettings, log: LogLine): Tracer =>
  new Tracer({
    settings,
    instance: `${hostname()}:${process.pid}`,
    fetch,
    later: (task, delayMs) => void setTimeout(task, delayMs).unref(),
    now: Date.now,
    onError: (error) => log('traces_lost', { error: String(error) }),
  })
