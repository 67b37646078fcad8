import { describe, expect, it } from 'vitest'
import { telemetrySettings, TelemetrySettingsError } from './otlp-settings.ts'

const OTEL_EXPORTER_OTLP_ENDPOINT = 'https://otel.example:4318/'

describe('telemetry settings', () => {
  it('are off without an endpoint', () => {
    expect(telemetrySettings({})).toBeUndefined()
    expect(telemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeUndefined()
    expect(telemetrySettings({ OTEL_SERVICE_NAME: 'x' })).toBeUndefined()
  })

  it('record everything by default', () => {
    expect(telemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT })).toEqual({
      url: 'https://otel.example:4318/v1/traces',
      headers: {},
      serviceName: 'infernet-edge',
      ratio: 1,
    })
  })

  it('take headers, a name and a share', () => {
    expect(
      telemetrySettings({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318/base',
        OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20abc==, x-team = edge',
        OTEL_SERVICE_NAME: 'mine',
        OTEL_TRACES_SAMPLER_ARG: '0.1',
      }),
    ).toEqual({
      url: 'http://localhost:4318/base/v1/traces',
      headers: { Authorization: 'Basic abc==', 'x-team': 'edge' },
      serviceName: 'mine',
      ratio: 0.1,
    })
  })

  it.each([
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'grpc://localhost:4317' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER_ARG: '2' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER_ARG: 'half' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'no-value' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'a b=c' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' },
  ])('refuse %j', (env) => {
    expect(() => telemetrySettings(env)).toThrow(TelemetrySettingsError)
  })
})
