import { randomUUID } from 'node:crypto'
import type { TokenLogprob, Usage } from '@infernet/openai-compat/chat-types'
import { StopMatcher } from '@infernet/openai-compat/stop-sequences'
import { ToolCallParser, type ToolCallOutput } from '@infernet/openai-compat/tool-call-parser'
import type { Position } from '@infernet/schemas/transcript'
import { makeUsage } from '@infernet/openai-compat/usage'
import {
  unservedEndpoint,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
  type EngineUsage,
} from './engine.ts'
import { HELD_STEP_BYTES, EvidenceRecorder } from './local-evidence.ts'
import { readLocalCompletion } from './local-completion-request.ts'
import { beginLocalEmbeddings } from './local-embeddings.ts'
import { readLocalRequest, type LocalModel, type LocalRequest } from './local-request.ts'
import { sharedPrefix } from './local-sampling.ts'
import { answerWriter, type AnswerWriter } from './local-writers.ts'
import type { TokenPiece, TokenRun, TokenSink, TokenSource, VectorSource } from './token-source.ts'

/**
 * Answers a request from a source of tokens: OpenAI's wire format is made here, once for all local
 * engines. `now` is in ms since the epoch. Throws `JobFault` for what is refused at sight.
 */
export function beginLocalAnswer(
  source: TokenSource & Partial<VectorSource>,
  model: LocalModel,
  request: EngineRequest,
  sink: EngineSink,
  now: () => number,
): EngineRun {
  if (!model.endpoints.includes(request.endpoint)) throw unservedEndpoint(model)
  if (request.endpoint === 'embeddings') return beginLocalEmbeddings(source, model, request, sink)
  const local = readTextRequest(request, model)
  const evidence = new EvidenceRecorder(model, local.generate.sampling)
  const answer = new LocalAnswer(local, answerWriter(request, now()), evidence)
  return answer.start(source, sink, request.include_usage || !request.stream)
}

/** Reads the body of a request for text. Throws `JobFault`. */
export function readTextRequest(request: EngineRequest, model: LocalModel): LocalRequest {
  const read = request.endpoint === 'completions' ? readLocalCompletion : readLocalRequest
  return read(request, model)
}

/** One answer: tokens in; stop sequences, tool calls and limits applied; bytes out. */
class LocalAnswer implements TokenSink {
  readonly #request: LocalRequest
  readonly #writer: AnswerWriter
  readonly #stops: StopMatcher
  readonly #tools: ToolCallParser | undefined
  readonly #evidence: EvidenceRecorder
  #sink: EngineSink | undefined
  #run: TokenRun | undefined
  #showUsage = false
  #promptTokens = 0
  #cachedTokens = 0
  #completionTokens = 0
  /** Of what the evidence keeps, as the sink was told. */
  #toldBytes = 0
  /** Text that the answer has already, and may begin with once more. */
  #known: string
  /** Scores of tokens whose text is still held back. */
  #scores: TokenLogprob[] = []

  constructor(request: LocalRequest, writer: AnswerWriter, evidence: EvidenceRecorder) {
    this.#evidence = evidence
    this.#request = request
    this.#writer = writer
    this.#known = request.known
    this.#stops = new StopMatcher(request.stops)
    this.#tools = request.parseTools ? new ToolCallParser(newCallId) : undefined
    this.#tools?.push(request.prefill)
  }

  start(source: TokenSource, sink: EngineSink, showUsage: boolean): EngineRun {
    this.#sink = sink
    this.#showUsage = showUsage
    const run = source.generate(this.#request.generate, this)
    this.#run = run
    return {
      pause: () => run.pause(),
      resume: () => run.resume(),
      abort: () => {
        this.#sink = undefined
        run.abort()
      },
      usage: () => this.#usage(),
      evidence: () => this.#evidence.evidence(),
    }
  }

  prompt(ids: readonly number[], cachedTokens: number): void {
    this.#evidence.prompt(ids)
    this.#promptTokens = ids.length
    this.#cachedTokens = cachedTokens
  }

  pieces(pieces: readonly TokenPiece[]): void {
    const bytes: Uint8Array[] = []
    for (const piece of pieces) {
      this.#evidence.add(piece.position)
      const said = this.#unknown(piece.text)
      // Said again, for us and not for the client: it was counted when it was delivered, and no id of the prompt is it.
      if (said === '' && piece.text !== '') continue
      this.#completionTokens++
      if (piece.score !== undefined) this.#scores.push(toLogprob(piece.score))
      const { text, stop } = this.#stops.push(said)
      this.#put(text, bytes)
      if (stop !== undefined) {
        this.#run?.abort()
        return this.#finish('stop', bytes)
      }
    }
    this.#deliver(bytes)
    this.#tellHeld()
  }

  #tellHeld(): void {
    const { heldBytes } = this.#evidence
    if (heldBytes - this.#toldBytes < HELD_STEP_BYTES) return
    this.#toldBytes = heldBytes
    this.#sink?.holds?.(heldBytes)
  }

  end(reason: 'stop' | 'length', ending?: Position): void {
    this.#evidence.add(ending)
    const bytes: Uint8Array[] = []
    this.#put(this.#stops.flush(), bytes)
    this.#finish(reason, bytes)
  }

  fail(error: Parameters<EngineSink['fail']>[0]): void {
    this.#sink?.fail(error)
  }

  #finish(reason: 'stop' | 'length', bytes: Uint8Array[]): void {
    if (this.#tools !== undefined) this.#write(this.#tools.flush(), bytes)
    const hasCalls = this.#tools !== undefined && this.#tools.calls > 0
    const finishReason = hasCalls && reason === 'stop' ? 'tool_calls' : reason
    bytes.push(this.#writer.end(finishReason, this.#showUsage ? this.#openAiUsage() : undefined))
    this.#deliver(bytes)
    this.#sink?.finish(finishReason)
    this.#sink = undefined
  }

  /** Takes what is known already from the front of the first text. */
  #unknown(text: string): string {
    if (this.#known === '' || text === '') return text
    const same = sharedPrefix(text, this.#known)
    this.#known = same === text.length ? this.#known.slice(same) : ''
    return text.slice(same)
  }

  #put(text: string, bytes: Uint8Array[]): void {
    if (text === '') return
    this.#write(this.#tools?.push(text) ?? [{ type: 'text', text }], bytes)
  }

  #write(outputs: readonly ToolCallOutput[], bytes: Uint8Array[]): void {
    for (const output of outputs) {
      const piece =
        output.type === 'text'
          ? this.#writer.text(output.text, this.#scores.splice(0))
          : this.#writer.call(output.call, output.index)
      if (piece !== undefined) bytes.push(piece)
    }
  }

  #deliver(bytes: readonly Uint8Array[]): void {
    const [first] = bytes
    if (first === undefined) return
    this.#sink?.data(bytes.length === 1 ? first : Buffer.concat(bytes))
  }

  #usage(): EngineUsage {
    return {
      prompt_tokens: this.#promptTokens,
      completion_tokens: this.#completionTokens,
      ...(this.#cachedTokens > 0 ? { cached_tokens: this.#cachedTokens } : {}),
    }
  }

  #openAiUsage(): Usage {
    const usage = makeUsage(this.#promptTokens, this.#completionTokens)
    if (this.#cachedTokens === 0) return usage
    return { ...usage, prompt_tokens_details: { cached_tokens: this.#cachedTokens } }
  }
}

const newCallId = (): string => `call_${randomUUID().replaceAll('-', '')}`

const decoder = new TextDecoder()

type Score = NonNullable<TokenPiece['score']>

const toLogprob = ({ id, bytes, logprob, top }: Score): TokenLogprob => ({
  token: decoder.decode(bytes),
  logprob,
  bytes: [...bytes],
  id,
  top_logprobs: top.map((other) => ({
    token: decoder.decode(other.bytes),
    logprob: other.logprob,
    bytes: [...other.bytes],
  })),
})
