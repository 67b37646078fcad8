import { MAX_CANDIDATES } from '@infernet/schemas/limits'
import { claimSchema, type Claim } from '@infernet/schemas/transcript'
import { isPlainRequest } from '@infernet/verification/verdict/asked-settings'
import type { Endpoint } from '@infernet/schemas/wire'
import type { EvidencePlan, SamplerDefaults } from './evidence-plan.ts'
import type { Hiding } from './field-hider.ts'

type Payload = Readonly<Record<string, unknown>>

/** A request as it is sent so that its answer can be claimed. */
export interface TracedRequest extends Pick<Claim, 'replay' | 'sampler'> {
  readonly payload: Payload
  /** What the answer has to lose before it goes on. */
  readonly hiding: Hiding
}

/** What the tracer has to know of a job. */
export interface TraceableJob {
  readonly endpoint: Endpoint
  readonly payload: Payload
  readonly choices: number
}

/** llama.cpp's word for "any seed". */
const ANY_SEED = 2 ** 32 - 1
/** What vLLM does where neither request nor model says otherwise; of a server that does not tell, a guess. */
export const NEUTRAL: SamplerDefaults = { temperature: 1, top_k: 0, top_p: 1, min_p: 0 }
/** The chain whose draws can be repeated: llama-server's own has more links, which a plain request leaves idle. */
export const LLAMA_CHAIN = {
  samplers: ['top_k', 'top_p', 'min_p', 'temperature'],
  backend_sampling: false,
} as const

/**
 * The request with what its answer's evidence needs; undefined where an answer cannot be shown. A request that
 * more than the settings steer is claimed without its draws, and one whose client wants logprobs too only
 * where both can be had.
 */
export function traceRequest(job: TraceableJob, plan: EvidencePlan): TracedRequest | undefined {
  const { endpoint, payload, choices } = job
  if (choices !== 1 || !plan.endpoints.includes(endpoint) || !isText(job)) return undefined
  // Forces tokens where a thought is to end.
  if (payload['thinking_token_budget'] !== undefined || payload['echo'] === true) return undefined
  const drawn = drawnBy(payload, plan)
  const asked = plan.kind === 'vllm' ? askVllm(job, plan) : askLlamaServer(job)
  if (drawn === undefined || asked === undefined) return undefined
  const { sampler, replay, fields } = drawn
  return {
    sampler,
    replay,
    hiding: asked.hiding,
    payload: { ...payload, ...fields, ...asked.fields },
  }
}

/** Text only: of anything else no ids are told. */
function isText({ endpoint, payload }: TraceableJob): boolean {
  if (endpoint === 'completions') {
    const { prompt } = payload
    return (
      typeof prompt === 'string' ||
      (Array.isArray(prompt) && prompt.every((id) => typeof id === 'number'))
    )
  }
  const { messages } = payload
  return Array.isArray(messages) && messages.every(({ content }) => isTextContent(content))
}

const isTextContent = (content: unknown): boolean =>
  !Array.isArray(content) || content.every((part) => (part as { type?: unknown }).type === 'text')

interface Drawn extends Pick<TracedRequest, 'replay' | 'sampler'> {
  /** The same, told to the server, so that nothing is left to what it was started with. */
  readonly fields: Payload
}

function drawnBy(payload: Payload, plan: EvidencePlan): Drawn | undefined {
  const { kind, defaults } = plan
  const settings = Object.entries(NEUTRAL).map(
    ([name, neutral]) =>
      [name, payload[name] ?? defaults?.[name as keyof SamplerDefaults] ?? neutral] as const,
  )
  const chosen = Object.fromEntries(settings)
  const read = claimSchema.shape.sampler.safeParse({ ...chosen, seed: seedOf(payload, kind) })
  if (!read.success) return undefined
  const sampler = read.data
  const isPlain = isPlainRequest(payload)
  if (!isPlain || defaults === undefined) {
    // At temperature 0 the likeliest token is expected, which a penalty may have passed over.
    return sampler.temperature === 0 ? undefined : { sampler, replay: 'none', fields: {} }
  }
  const replay = isRepeatable(sampler, kind) ? plan.replay : 'none'
  const chain = kind === 'llama-server' ? LLAMA_CHAIN : {}
  return { sampler, replay, fields: { ...fieldsOf(sampler), ...chain } }
}

/** Older vLLMs refuse a top_k of 0 and mean the same without. */
function fieldsOf({ temperature, top_k, top_p, min_p }: Claim['sampler']): Payload {
  return { temperature, top_p, min_p, ...(top_k === 0 ? {} : { top_k }) }
}

/** Decimal; not a word where the seed is no whole number from 0 on. */
function seedOf(payload: Payload, kind: EvidencePlan['kind']): string {
  const { seed } = payload
  if (typeof seed !== 'number' || !Number.isSafeInteger(seed)) return 'none'
  return String(kind === 'llama-server' ? BigInt.asUintN(32, BigInt(seed)) : seed)
}

function isRepeatable({ top_k, seed }: Claim['sampler'], kind: EvidencePlan['kind']): boolean {
  // Uncut, llama.cpp walks the vocabulary by id.
  return kind === 'vllm' || (top_k > 0 && seed !== String(ANY_SEED))
}

interface Asked {
  readonly fields: Payload
  readonly hiding: Hiding
}

/** A client's own logprobs have words where the claim needs ids: vLLM gives either. */
function askVllm({ endpoint, payload }: TraceableJob, plan: EvidencePlan): Asked | undefined {
  if (isAsked(payload['logprobs']) || isUnderGrammar(payload)) return undefined
  const { candidates } = plan
  const logprobs =
    endpoint === 'completions'
      ? { logprobs: candidates }
      : { logprobs: true, top_logprobs: candidates }
  return {
    fields: { ...logprobs, return_token_ids: true, return_tokens_as_token_ids: true },
    hiding: { logprobs: 'null', ids: true, timings: false },
  }
}

/**
 * vLLM takes what a grammar forbids out of the logits before it computes logprobs. Beside a verifier's, which know of
 * no grammar, an honest answer's would look made up.
 */
function isUnderGrammar({ response_format: format, tool_choice: choice, tools }: Payload): boolean {
  const type = (format as { readonly type?: unknown } | null | undefined)?.type
  const isFormatted = type !== undefined && type !== 'text'
  const isForced = isAsked(tools) && isAsked(choice) && choice !== 'auto' && choice !== 'none'
  const isStrict = Array.isArray(tools) && tools.some(isStrictTool)
  return isFormatted || isForced || isStrict
}

const isStrictTool = (
  tool: { readonly function?: { readonly strict?: unknown } } | null,
): boolean => tool?.function?.strict === true

function askLlamaServer({ endpoint, payload }: TraceableJob): Asked | undefined {
  const { stream, tools } = payload
  const isChat = endpoint === 'chat.completions'
  // It refuses logprobs of a stream with tools.
  if (isChat && stream === true && isAsked(tools)) return undefined
  const own = ownCandidates(endpoint, payload)
  const most = Math.max(MAX_CANDIDATES, own ?? 0)
  const logprobs = isChat ? { logprobs: true, top_logprobs: most } : { logprobs: most }
  const hiding = own === undefined ? (isChat ? 'gone' : 'null') : { top: own }
  return {
    // Timings count the tokens, and so tell of one that is not listed.
    fields: { ...logprobs, ...(stream === true ? { timings_per_token: true } : {}) },
    hiding: { logprobs: hiding, ids: false, timings: stream === true },
  }
}

/** How many of the likeliest the client wants to see; undefined where it sees no logprobs. */
function ownCandidates(endpoint: Endpoint, payload: Payload): number | undefined {
  const { logprobs, top_logprobs: top } = payload
  if (!isAsked(logprobs)) return undefined
  const count = endpoint === 'completions' ? logprobs : (top ?? MAX_CANDIDATES)
  return typeof count === 'number' && count > 0 ? count : undefined
}

const isAsked = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== false && value !== 0
