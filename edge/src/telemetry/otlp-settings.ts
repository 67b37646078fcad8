import { z } from 'zod'

/** Where traces go, and which of them. */
export interface TelemetrySettings {
  /** The collector's URL for traces. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  /** Share of all traces that is recorded, 0 to 1. */
  readonly ratio: number
}

/** The variables of the OpenTelemetry specification that we know. */
export interface TelemetryEnv {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined
  readonly OTEL_EXPORTER_OTLP_HEADERS?: string | undefined
  readonly OTEL_SERVICE_NAME?: string | undefined
  readonly OTEL_TRACES_SAMPLER_ARG?: string | undefined
}

export class TelemetrySettingsError extends Error {
  override readonly name = 'TelemetrySettingsError'
  readonly code = 'bad_telemetry_settings'
}

const DEFAULT_SERVICE = 'infernet-edge'

const schema = z.object({
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().default(''),
  OTEL_SERVICE_NAME: z.string().min(1).max(255).default(DEFAULT_SERVICE),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
})

/** Undefined without an endpoint: nothing is traced then. Throws {@link TelemetrySettingsError}. */
export function telemetrySettings(env: TelemetryEnv): TelemetrySettings | undefined {
  const given = Object.fromEntries(Object.entries(pick(env)).filter(([, value]) => value !== ''))
  if (given['OTEL_EXPORTER_OTLP_ENDPOINT'] === undefined) return undefined
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new TelemetrySettingsError(`${issue?.path.join('.')}: ${issue?.message}`)
  }
  const { data } = parsed
  return {
    url: `${data.OTEL_EXPORTER_OTLP_ENDPOINT.replace(/\/+$/, '')}/v1/traces`,
    headers: parseHeaders(data.OTEL_EXPORTER_OTLP_HEADERS),
    serviceName: data.OTEL_SERVICE_NAME,
    ratio: data.OTEL_TRACES_SAMPLER_ARG,
  }
}

const pick = (env: TelemetryEnv): TelemetryEnv => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: env.OTEL_EXPORTER_OTLP_ENDPOINT,
  OTEL_EXPORTER_OTLP_HEADERS: env.OTEL_EXPORTER_OTLP_HEADERS,
  OTEL_SERVICE_NAME: env.OTEL_SERVICE_NAME,
  OTEL_TRACES_SAMPLER_ARG: env.OTEL_TRACES_SAMPLER_ARG,
})

/** `key=value,key2=value2`, the values percent-encoded. */
function parseHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const pair of text.split(',')) {
    if (pair.trim() === '') continue
    const at = pair.indexOf('=')
    const name = pair.slice(0, Math.max(0, at)).trim()
    try {
      // Throws for what cannot be a header, before the first trace does.
      const header = new Headers([[name, decodeURIComponent(pair.slice(at + 1).trim())]])
      headers[name] = header.get(name) ?? ''
    } catch {
      throw new TelemetrySettingsError(
        'OTEL_EXPORTER_OTLP_HEADERS: expected name=value pairs, separated by commas',
      )
    }
  }
  return headers
}
