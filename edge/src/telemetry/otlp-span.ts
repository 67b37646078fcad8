/** OTLP's JSON encoding of a span (opentelemetry-proto, trace.proto): hex ids, 64-bit numbers as text. */
export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly OtlpAttribute[]
  readonly events?: readonly { readonly timeUnixNano: string; readonly name: string }[]
  readonly status: { readonly code?: number; readonly message?: string }
}

export interface OtlpAttribute {
  readonly key: string
  readonly value: OtlpValue
}

type OtlpValue =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly boolValue: boolean }
  | { readonly arrayValue: { readonly values: readonly { readonly stringValue: string }[] } }

export const SPAN_KIND = { internal: 1, server: 2, client: 3 } as const
const STATUS_ERROR = 2

/** Text, an integer, a truth value or a list of texts; what is null or undefined is left out. */
export type AttributeValue = string | number | boolean | readonly string[] | null | undefined

export function attributes(values: Readonly<Record<string, AttributeValue>>): OtlpAttribute[] {
  const list: OtlpAttribute[] = []
  for (const [key, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) list.push({ key, value: otlpValue(value) })
  }
  return list
}

function otlpValue(value: NonNullable<AttributeValue>): OtlpValue {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'number') return { intValue: String(Math.round(value)) }
  if (typeof value === 'boolean') return { boolValue: value }
  return { arrayValue: { values: value.map((stringValue) => ({ stringValue })) } }
}

/** A span from `startedAt` to `endedAt`, ms since the epoch; with `error` it has failed. */
export function span(fields: {
  traceId: string
  spanId: string
  parentSpanId: string | undefined
  name: string
  kind: number
  startedAt: number
  endedAt: number
  attributes: Readonly<Record<string, AttributeValue>>
  /** ms since the epoch; it is an event within the span. */
  firstTokenAt?: number | undefined
  error?: string | undefined
}): OtlpSpan {
  const { parentSpanId, firstTokenAt, error } = fields
  return {
    traceId: fields.traceId,
    spanId: fields.spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name: fields.name,
    kind: fields.kind,
    startTimeUnixNano: nanoseconds(fields.startedAt),
    endTimeUnixNano: nanoseconds(Math.max(fields.startedAt, fields.endedAt)),
    attributes: attributes(fields.attributes),
    ...(firstTokenAt === undefined
      ? {}
      : { events: [{ timeUnixNano: nanoseconds(firstTokenAt), name: 'first_token' }] }),
    status: error === undefined ? {} : { code: STATUS_ERROR, message: error },
  }
}

/** Nanoseconds since the epoch exceed what a number can hold exactly. */
const nanoseconds = (ms: number): string => `${Math.trunc(ms)}000000`
