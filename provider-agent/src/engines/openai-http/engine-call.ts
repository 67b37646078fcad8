import { JsonWalkError } from '@infernet/openai-compat/json-walker'
import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import { BYTES_PER_PROMPT_TOKEN } from '@infernet/openai-compat/usage'
import { MAX_ANSWER_BYTES } from '@infernet/schemas/limits'
import type { JobError, JobUsage } from '@infernet/schemas/wire'
import {
  providerFault,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
  type EngineUsage,
  type Evidence,
} from '../engine.ts'
import type { EngineConnection } from './engine-connection.ts'
import { errorOfResponse } from './engine-error.ts'
import type { Exchange, ExchangeListener } from './engine-sockets.ts'
import { GatheredBody } from './gathered-body.ts'
import { engineJob, type EngineJob, type WholeAnswer } from './engine-job.ts'
import { parseJson } from './engine-question.ts'
import { HELD_STEP_BYTES } from '../local-evidence.ts'
import { AnswerTrace } from './evidence/answer-trace.ts'
import type { EvidencePlan } from './evidence/evidence-plan.ts'
import { llamaPromptIds } from './evidence/prompt-ids.ts'
import { traceRequest, type TracedRequest } from './evidence/traced-request.ts'
import { modelRewriter, type ModelAlias } from './model-alias.ts'
import { possibleUsage } from './possible-usage.ts'
import type { ResponseHead } from './response-parser.ts'
import { SseRelay, SseRelayError } from './sse-relay.ts'

/** An engine that says nothing for so long is stuck: no prefill takes five minutes. */
const SILENCE_MS = 300_000
/** Of an error's body. */
const MAX_ERROR_BYTES = 64 * 1024
/** The pieces of a whole answer, the same joined, and what is read of it. */
const WHOLE_COPIES = 4
/** Behind `[DONE]` comes the end at once, or the connection is of no more use. */
const LINGER_MS = 1_000

export interface EngineCallOptions {
  readonly connection: EngineConnection
  readonly alias: ModelAlias
  readonly serverKind: EngineKind
  /** Fields that this server would take for mistakes. */
  readonly withholds?: readonly string[] | undefined
  /** The engine says the beginning of a continued answer again. */
  readonly echoes: boolean
  /** Where answers are shown: how. */
  readonly plan?: EvidencePlan | undefined
  /** The agent asks for itself. */
  readonly probes?: boolean
  readonly request: EngineRequest
  readonly sink: EngineSink
  /** The call is over, well or not. */
  readonly onOver: () => void
  /** The engine could not be reached at all. */
  readonly onUnreachable: () => void
}

/** One answer asked of an HTTP engine. Throws `JobFault` for a body that is no request. */
export class EngineCall implements EngineRun, ExchangeListener {
  readonly #options: EngineCallOptions
  readonly #relay: SseRelay
  readonly #job: EngineJob
  readonly #payload: string
  readonly #bodyBytes: number
  readonly #trace: AnswerTrace | undefined
  #asking: AbortController | undefined
  #exchange: Exchange
  /** Of the response, as soon as it has begun. */
  #status: number | undefined
  /** What is not relayed as it comes: a whole answer, or an error. */
  #gathered: GatheredBody | undefined
  #isResponseOver = false
  /** Until a response that has said all must have ended. */
  #late: NodeJS.Timeout | undefined
  #usage: JobUsage | undefined
  /** Of an answer that was not streamed. */
  #answerBytes = 0
  /** Of the same, its text alone. */
  #textBytes = 0
  #finishReason: string | undefined
  /** Of what the trace keeps, as the sink was told. */
  #toldBytes = 0
  #isPaused = false
  /** All is there but the prompt's ids. */
  #isEnding = false
  #isOver = false

  constructor(options: EngineCallOptions) {
    this.#options = options
    const { alias, request, serverKind: kind, withholds, echoes, plan } = options
    const job = engineJob(request, { alias, kind, withholds })
    const traced =
      plan === undefined || echoes
        ? undefined
        : traceRequest({ ...job, endpoint: request.endpoint }, plan)
    this.#job = job
    this.#payload = JSON.stringify(traced?.payload ?? job.payload)
    this.#bodyBytes = request.body.length
    const rewrite = modelRewriter(alias)
    this.#relay = new SseRelay({
      showUsage: request.include_usage,
      choices: job.choices,
      skip: echoes ? job.begun : '',
      ...(rewrite === undefined ? {} : { rewrite }),
      ...(traced === undefined ? {} : { take: (event, json) => this.#take(event, json) }),
    })
    this.#exchange = this.#send(kind !== 'llama-server')
    this.#trace = traced && plan && this.#traceOf(traced, plan)
  }

  pause(): void {
    if (this.#isOver) return
    this.#isPaused = true
    if (this.#status !== undefined) this.#exchange.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#exchange.resume()
  }

  abort(): void {
    if (this.#isOver) return
    this.#over()
    this.#exchange.destroy()
  }

  /**
   * The engine's own count if it gave one that can be true. Otherwise our estimate: a token per
   * content event, or per four bytes of JSON where there are no events, as for the prompt.
   */
  usage(): EngineUsage {
    const { contentEvents, textBytes, usage } = this.#relay
    return possibleUsage(this.#usage ?? usage, {
      maxOutputTokens: this.#options.request.max_output_tokens,
      choices: this.#job.choices,
      requestBytes: this.#bodyBytes,
      textBytes: textBytes + this.#textBytes,
      seenTokens: contentEvents + Math.ceil(this.#answerBytes / BYTES_PER_PROMPT_TOKEN),
    })
  }

  evidence(): Evidence | undefined {
    return this.#trace?.evidence({
      usage: this.#usage ?? this.#relay.usage,
      finishReason: this.#finishReason ?? this.#relay.finishReason,
    })
  }

  #traceOf(traced: TracedRequest, plan: EvidencePlan): AnswerTrace {
    const { connection, request } = this.#options
    const { endpoint, stream: isStream } = request
    if (plan.kind === 'llama-server') this.#asking = new AbortController()
    // Beside the generation, of which it takes no time.
    const promptIds =
      this.#asking && llamaPromptIds(connection, endpoint, traced.payload, this.#asking.signal)
    return new AnswerTrace({ plan, endpoint, isStream, request: traced, promptIds })
  }

  /** Throws {@link SseRelayError} for what cannot be taken apart. */
  #take(bytes: Buffer, json: unknown): Buffer | undefined {
    try {
      return this.#trace === undefined ? bytes : this.#trace.take(bytes, json)
    } catch (error) {
      if (!(error instanceof JsonWalkError)) throw error
      throw new SseRelayError(
        'not_json',
        `a part of the answer is not plain JSON: ${error.message}`,
      )
    }
  }

  /**
   * llama-server closes after an answer although it announces keep-alive; elsewhere a reused connection
   * halves the cost of a short answer, and the wait of a long one before the engine knows of it.
   */
  #send(reuse: boolean): Exchange {
    const { connection, probes } = this.#options
    const post = {
      path: this.#job.path,
      body: this.#payload,
      reuse,
      silenceMs: SILENCE_MS,
      ...(probes === undefined ? {} : { probes }),
    }
    return connection.post(post, this)
  }

  head({ status, contentType }: ResponseHead): void {
    this.#status = status
    if (this.#isPaused) this.#exchange.pause()
    const { request, sink } = this.#options
    if (status !== 200) this.#gathered = new GatheredBody(MAX_ERROR_BYTES)
    else if (!request.stream) {
      this.#gathered = new GatheredBody(MAX_ANSWER_BYTES, (bytes) => {
        sink.holds?.(WHOLE_COPIES * bytes)
      })
    } else if (!contentType.startsWith('text/event-stream')) {
      this.#exchange.destroy()
      this.#fail(providerFault('engine_protocol', `the engine streams '${contentType}'`))
    }
  }

  body(bytes: Buffer): void {
    if (this.#gathered === undefined) this.#relayChunk(bytes)
    else if (!this.#gathered.add(bytes)) {
      this.#exchange.destroy()
      this.#gatheredAll(undefined)
    }
  }

  end(): void {
    this.#isResponseOver = true
    clearTimeout(this.#late)
    if (this.#gathered === undefined) this.#streamEnded()
    else this.#gatheredAll(this.#gathered.take())
  }

  /** Undefined: it is longer than any. */
  #gatheredAll(body: Buffer | undefined): void {
    if (this.#status === 200) this.#answer(body)
    else this.#fail(errorOfResponse(this.#status ?? 0, body?.toString() ?? ''))
  }

  #relayChunk(chunk: Buffer): void {
    if (this.#isOver) return
    try {
      this.#deliver(this.#relay.push(chunk))
    } catch (error) {
      if (!(error instanceof SseRelayError)) throw error
      this.#exchange.destroy()
      return this.#fail(providerFault(error.code, `the engine failed: ${error.message}`))
    }
    this.#tellHeld()
    if (this.#relay.isDone) this.#streamEnded()
  }

  /** What the trace keeps grows with the answer; it is told in steps, for chunks come token by token. */
  #tellHeld(): void {
    const bytes = this.#trace?.heldBytes ?? 0
    if (bytes - this.#toldBytes < HELD_STEP_BYTES) return
    this.#toldBytes = bytes
    this.#options.sink.holds?.(bytes)
  }

  /** Without a finish reason for every choice, an end is a cut, `[DONE]` or not. */
  #streamEnded(): void {
    if (this.#isOver) return
    if (!this.#relay.isComplete) {
      return this.#fail(providerFault('engine_cut', 'the engine ended before its answer did'))
    }
    this.#end(() => {
      this.#deliver(this.#relay.flush(), true)
      this.#finish(this.#relay.finishReason ?? 'stop')
    })
  }

  #answer(body: Buffer | undefined): void {
    if (this.#isOver) return
    if (body === undefined) {
      const message = `the engine's answer is over ${MAX_ANSWER_BYTES} bytes`
      return this.#fail(providerFault('answer_too_large', message))
    }
    const answer = this.#readWhole(body)
    if (answer === undefined) {
      const message = `the engine sent no answer of ${this.#job.path}`
      return this.#fail(providerFault('engine_protocol', message))
    }
    this.#usage = answer.usage
    this.#finishReason = answer.finishReason
    this.#answerBytes = answer.bytes.length
    this.#textBytes = answer.textBytes
    this.#end(() => {
      this.#deliver([answer.bytes], true)
      this.#finish(answer.finishReason)
    })
  }

  #readWhole(body: Buffer): WholeAnswer | undefined {
    if (this.#trace === undefined) return this.#job.read(body)
    try {
      return this.#job.read(this.#take(body, parseJson(body.toString())) ?? body)
    } catch (error) {
      if (error instanceof SseRelayError) return undefined
      throw error
    }
  }

  /** Ends the answer, as soon as it can be shown. */
  #end(last: () => void): void {
    const pending = this.#trace?.pending
    if (pending === undefined) return last()
    if (this.#isEnding) return
    this.#isEnding = true
    void this.#endAfter(pending, last)
  }

  async #endAfter(pending: Promise<void>, last: () => void): Promise<void> {
    await pending
    if (!this.#isOver) last()
  }

  #deliver(parts: readonly Buffer[], isFollowed = false): void {
    const [first] = parts
    if (first === undefined) return
    this.#options.sink.data(parts.length === 1 ? first : Buffer.concat(parts), isFollowed)
  }

  #finish(reason: string): void {
    if (this.#isOver) return
    this.#over()
    this.#options.sink.finish(reason)
    if (this.#options.request.stream) this.#letGo()
  }

  /** Reads on to the end of the response, behind which its connection is free for the next job. */
  #letGo(): void {
    if (this.#isResponseOver) return
    this.#late = setTimeout(() => this.#exchange.destroy(), LINGER_MS)
    this.#exchange.resume()
  }

  #fail(error: JobError): void {
    if (this.#isOver) return
    this.#over()
    this.#options.sink.fail(error)
  }

  /** The connection broke: harmless when the answer was complete. */
  broken(error: Error, isUnseen: boolean): void {
    if (this.#isOver || this.#isEnding) return
    if (this.#relay.isComplete) return this.#streamEnded()
    if (isUnseen) {
      this.#exchange = this.#send(false)
      return
    }
    const isCut = this.#status !== undefined
    if (!isCut) this.#options.onUnreachable()
    this.#fail(
      providerFault(isCut ? 'engine_cut' : 'engine_unreachable', `the engine: ${error.message}`),
    )
  }

  silent(): void {
    if (this.#isPaused || this.#isOver) return
    this.#exchange.destroy()
    this.broken(new Error(`silent for ${SILENCE_MS / 1000} s`), false)
  }

  #over(): void {
    this.#isOver = true
    this.#asking?.abort()
    this.#options.onOver()
  }
}
