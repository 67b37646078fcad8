import type { ModelSpec } from '@infernet/schemas/model-spec'
import type { Claim, Transcript } from '@infernet/schemas/transcript'
import type {
  CapabilityName,
  Endpoint,
  JobError,
  JobHeader,
  JobUsage,
} from '@infernet/schemas/wire'
import { errorMessage } from '../error-message.ts'
import type { EngineProcessEvent } from '../events.ts'
import type { Renderer } from './render-order.ts'
import type { Scorer } from './score-order.ts'

/** What an engine declares about one of its models. */
export interface EngineModel {
  /** The name clients use. */
  readonly id: string
  /** Tokens of prompt and answer together. */
  readonly contextLength: number
  readonly capabilities: readonly CapabilityName[]
  /** One or more. */
  readonly endpoints: readonly Endpoint[]
  /** Weight format, where it is known. */
  readonly quantization?: string
  /** Where the engine knows exactly what it runs: its answers can be verified. */
  readonly spec?: ModelSpec
  /** Bytes of weights that each token reads at the least, where it is known. */
  readonly tokenBytes?: number
}

/** The part of a job that an engine needs. */
export interface EngineRequest extends Pick<
  JobHeader,
  'endpoint' | 'continues' | 'model' | 'seed' | 'stream' | 'include_usage' | 'max_output_tokens'
> {
  /** When the job was ordered, ms since the epoch: now, to a chat template that writes the date. */
  readonly at?: number | undefined
  /** The client's JSON body. It is a view into a received message: read it before returning. */
  readonly body: Uint8Array
}

/** Tokens of a job so far. `estimated` says that the engine did not count and we did. */
export interface EngineUsage extends JobUsage {
  readonly estimated?: boolean
}

/**
 * Where an engine puts its answer. Never called from within `begin`, nor after `abort`. Bytes are
 * handed over: the engine must not change them afterwards.
 */
export interface EngineSink {
  /**
   * Bytes for the client. Streams: whole SSE events, without `[DONE]`, and without the usage chunk
   * unless it was asked for; an answer that `continues` begins behind the text it was given.
   * Otherwise: the JSON body, in pieces of any size. `isFollowed`: `finish` comes in the same turn, so that the
   * bytes may wait for it.
   */
  data(bytes: Uint8Array, isFollowed?: boolean): void
  /** The answer is complete. Called at most once, and never together with `fail`. */
  finish(finishReason: string): void
  fail(error: JobError): void
  /**
   * So many bytes in all are kept in memory for this answer, beside its request and what `data` was given; where that is
   * too much, the engine hears `abort` at once.
   */
  holds?(bytes: number): void
}

/** What an engine shows of an answer: enough to hold it to the model that it says it runs. */
export interface Evidence extends Pick<Claim, 'replay' | 'sampler' | 'kept_only'> {
  readonly spec: ModelSpec
  readonly transcript: Transcript
}

/** One request in work. */
export interface EngineRun {
  /** Asks for silence: at most what has already been read may still come. */
  pause(): void
  resume(): void
  /** Stops all work at once; the sink hears nothing more. Harmless after the end. */
  abort(): void
  /** Tokens so far; final once the sink has been finished. */
  usage(): EngineUsage
  /** Of the answer so far; undefined where it cannot be replayed. Engines that cannot tell have none. */
  evidence?(): Evidence | undefined
}

/** How full an engine is, as it was lately. */
export interface EngineLoad {
  /** Requests in it that are not ours. */
  readonly others: number
  /** Requests in it that wait for others to end. */
  readonly waiting: number
  /** Share of its key-value cache that requests take, 0 to 1; absent where it does not say. */
  readonly kvUse?: number
}

/** What an engine tells its owner outside of jobs. */
export interface EngineEvents {
  /** `models` is different now: the engine came up, went away, or reloaded. */
  modelsChanged(): void
  /** What it had cached of prompts is gone, though its models are still there. */
  cacheLost?(): void
  /** Something the owner should read, with the next step. */
  trouble(message: string): void
  /** What became of a server that the engine runs itself. */
  process?(event: EngineProcessEvent): void
}

/**
 * An inference engine. `engine-conformance.ts` is the precise form of this contract; every
 * implementation's test imports it.
 */
export interface Engine {
  /** Short name for the capability record and receipts, such as `llama-cpp`. */
  readonly kind: string
  /** Models it serves now; empty while it is down. */
  readonly models: readonly EngineModel[]
  /** Answers that it gives side by side; more wait in it. Undefined while it does not say. */
  readonly slots?: number | undefined
  /** Whether each of its models has so many of its own, in a process of its own; absent: they share them. */
  readonly hasSlotsPerModel?: boolean
  /** Undefined where it does not say, or has nobody's jobs but ours. */
  readonly load?: EngineLoad | undefined
  /** Tokens that its key-value cache holds, where nobody's but our jobs' are in it. */
  readonly cacheTokens?: number | undefined
  /**
   * Resolves when the engine has been brought up or, if it is somebody else's process, looked at
   * once. Throws {@link EngineStartError} when it can never work as configured.
   */
  start(events: EngineEvents): Promise<void>
  /** Begins to answer. Throws {@link JobFault} for what it refuses at sight. */
  begin(request: EngineRequest, sink: EngineSink): EngineRun
  /** Scores answers. Absent where the engine cannot, which may show at `start` only. */
  readonly score?: Scorer | undefined
  /** Renders requests and answers. Absent where the engine cannot. */
  readonly render?: Renderer | undefined
  /**
   * Ends the engine's processes, so that their memory is free: `models` is empty from now on, what runs is finished,
   * and nothing is started again before `wake`. Only after `start`. Resolves when no process is left, or when it was
   * woken or closed meanwhile. Absent, as is `wake`, where the process is somebody else's.
   */
  rest?(): Promise<void>
  /** Starts it again after `rest`, as after a fall: its models come back when it serves them. */
  wake?(): void
  /** Stops everything; running jobs hear nothing more. */
  close(): Promise<void>
}

/** The engine cannot be started as configured; the message says what to change. */
export class EngineStartError extends Error {
  override readonly name = 'EngineStartError'
  readonly code = 'engine_start'
}

/** A job's failure as it goes over the wire. */
export class JobFault extends Error {
  override readonly name = 'JobFault'
  readonly code: string
  readonly error: JobError
  constructor(error: JobError) {
    super(error.message)
    this.code = error.code
    this.error = error
  }
}

/** OpenAI's error for an endpoint that a model is not offered at. */
export function unservedEndpoint({ id }: Pick<EngineModel, 'id'>): JobFault {
  const message = `The model '${id}' is not served at this endpoint.`
  return new JobFault(requestFault('unsupported_endpoint', message, { status: 404 }))
}

/** The client's mistake: goes back to it as it is and is never retried. */
export const requestFault = (
  code: string,
  message: string,
  more: { status?: number; param?: string | null } = {},
): JobError => ({ fault: 'request', code, message, status: more.status ?? 400, ...paramOf(more) })

const paramOf = ({ param }: { param?: string | null }) => (param === undefined ? {} : { param })

/** Our mistake or the engine's: the edge tries another provider. */
export const providerFault = (code: string, message: string): JobError => ({
  fault: 'provider',
  code,
  message,
})

/** What to report for anything thrown while a job was begun. */
export function faultOf(thrown: unknown): JobError {
  if (thrown instanceof JobFault) return thrown.error
  const message = errorMessage(thrown)
  return providerFault('engine_error', message)
}
