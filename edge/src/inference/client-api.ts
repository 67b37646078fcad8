import type { ApiError } from '@infernet/openai-compat/api-error'
import type { InferenceRequest } from '@infernet/openai-compat/inference-request'
import type { Identity } from '../auth/identity.ts'
import type { JobAnswer, JobOrder } from '../ports.ts'
import type { EdgeContext } from '../services.ts'

/** An answer that has a body: a stream or JSON. */
export type BodyAnswer = Exclude<JobAnswer, { kind: 'error' }>

/** A client's request as a job needs it. */
export interface ParsedRequest {
  readonly request: InferenceRequest
  /** What the engine gets: the client's own bytes where the API is the engine's. */
  readonly body: Uint8Array
  /** Another provider may go on with a stream that broke. */
  readonly continuable: boolean
  /** Turns the engine's answer into the one the client's API has; absent where they are the same. */
  readonly translate?: (answer: BodyAnswer, order: JobOrder) => BodyAnswer
}

/**
 * An API that clients speak: how its requests become jobs, its answers bodies, and its errors JSON.
 * Chat completions, completions and embeddings are the engines' own; the others are conversions.
 */
export interface ClientApi {
  /** Throws ApiError for what is wrong with the request. Who has no key has stored nothing either. */
  parse(
    body: Uint8Array,
    c: EdgeContext,
    identity: Identity | undefined,
  ): ParsedRequest | Promise<ParsedRequest>
  /** The error's JSON body where it is not OpenAI's envelope. */
  readonly errorBody?: (error: ApiError, requestId: string) => object
}
