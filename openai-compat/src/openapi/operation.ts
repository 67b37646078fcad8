import type { ComponentName, JsonObject } from './components.ts'
import { type ErrorStatus, type ErrorStyle, HTTP_FAULTS } from './error-answers.ts'
import type { ParameterName } from './parameters.ts'

export type Tag = keyof typeof TAGS
/** What the operations are about, in the order readers meet them. */
export const TAGS = {
  Chat: 'Answers to conversations.',
  Responses: 'OpenAI’s newer API: answers that are stored and can be gone on from.',
  Messages: 'Anthropic’s API, for its SDKs.',
  Completions: 'Continuations of a text.',
  Embeddings: 'Vectors of texts.',
  Models: 'What is served now, by whom, at what price.',
  Accounting: 'What an answer cost, who gave it, and what a key may still use.',
  Slashes: 'Confirmed offences of providers, their evidence, and appeals.',
  Jobs: 'Requests at a fixed price, paid only when they are done.',
  Billing: 'Credit bought and paid out over Lightning.',
  Service: 'Whether the service works, and this document.',
} as const

/** One operation of the API, as the document shows it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'delete'
  /** In OpenAPI's form, `{name}` being a parameter. */
  readonly path: string
  readonly id: string
  readonly tag: Tag
  readonly summary: string
  /** True when anyone may ask; else a key is needed. */
  readonly open?: true
  readonly parameters?: readonly ParameterName[]
  readonly request?: { readonly schema: ComponentName; readonly example: unknown }
  /** The answer of status 200: JSON, a stream of events whose data have that schema, or both. Absent: none is given. */
  readonly answer?: {
    readonly description: string
    readonly json?: ComponentName
    readonly events?: ComponentName
    readonly headers?: readonly string[]
  }
  /** Answers that are neither that nor an error in the usual form, by status. */
  readonly others?: Readonly<Record<number, JsonObject>>
  readonly errors: readonly ErrorStatus[]
  readonly errorStyle?: ErrorStyle
}

/** What a look at something of the account may end with. */
export const LOOK_ERRORS: readonly ErrorStatus[] = [...HTTP_FAULTS, 401, 500, 503]
