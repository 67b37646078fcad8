import { MAX_TRANSCRIPT_TOKENS } from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import type { JobUsage } from '@infernet/schemas/wire'
import { z } from 'zod'
import type { Evidence } from '../../engine.ts'
import { MAX_TRACED_TOKENS, POSITION_BYTES } from '../../local-evidence.ts'
import type { EvidencePlan } from './evidence-plan.ts'
import { FieldHider } from './field-hider.ts'
import {
  llamaPositions,
  vllmChatPositions,
  vllmCompletionPositions,
  type PositionReader,
} from './positions.ts'
import type { TracedRequest } from './traced-request.ts'
import type { Endpoint } from '@infernet/schemas/wire'

/** An answer, or a part of one, as far as it is read here. */
const partSchema = z.looseObject({
  choices: z.array(z.looseObject({ prompt_token_ids: z.unknown().optional() })).optional(),
  prompt_token_ids: z.unknown().optional(),
  timings: z.object({ predicted_n: z.int().nonnegative() }).optional().catch(undefined),
})
type Part = z.infer<typeof partSchema>
const promptSchema = z.array(z.int().nonnegative()).min(1).max(MAX_TRANSCRIPT_TOKENS)

/** What vLLM sends for the ids alone, where a parser holds a token's text back. */
function isMute({ choices = [], usage }: Part): boolean {
  const [choice, ...others] = choices
  const { delta, finish_reason: reason } = choice ?? {}
  const isEmpty = typeof delta === 'object' && delta !== null && Object.keys(delta).length === 0
  return isEmpty && reason === null && others.length === 0 && (usage ?? null) === null
}

/** How an answer ended, as far as that is known. */
export interface AnswerEnd {
  /** The engine's own count. */
  readonly usage: JobUsage | undefined
  readonly finishReason: string | undefined
}

export interface AnswerTraceOptions {
  readonly plan: EvidencePlan
  readonly endpoint: Endpoint
  readonly request: TracedRequest
  readonly isStream: boolean
  /** The prompt's ids, of a server that does not tell them with the answer; never rejects. */
  readonly promptIds: Promise<readonly number[] | undefined> | undefined
}

/**
 * Reads what an answer shows of itself and takes it out again. An answer with a gap claims nothing: no token
 * behind one could be drawn again.
 */
export class AnswerTrace {
  readonly #options: AnswerTraceOptions
  readonly #hider: FieldHider
  readonly #read: PositionReader
  readonly #positions: Position[] = []
  #prompt: readonly number[] | undefined
  #isBroken = false
  /** The prompt's ids are still being asked for: the answer's end waits for them. */
  pending: Promise<void> | undefined

  constructor(options: AnswerTraceOptions) {
    this.#options = options
    const { endpoint, plan, promptIds, request } = options
    this.#hider = new FieldHider(request.hiding)
    const vllm = endpoint === 'completions' ? vllmCompletionPositions : vllmChatPositions
    this.#read = plan.kind === 'vllm' ? vllm : llamaPositions
    if (promptIds !== undefined) this.pending = this.#await(promptIds)
  }

  async #await(promptIds: Promise<readonly number[] | undefined>): Promise<void> {
    const ids = await promptIds
    this.#prompt ??= ids
    this.pending = undefined
  }

  /**
   * Reads one event of a stream, or a whole answer, of which `json` is the value, and returns the bytes
   * without what the client did not ask for; undefined where that was all. Throws `JsonWalkError` for bytes
   * that cannot be cut.
   */
  take(bytes: Buffer, json: unknown): Buffer | undefined {
    const { data: part } = partSchema.safeParse(json)
    if (part !== undefined) this.#note(part)
    return part !== undefined && isMute(part) ? undefined : this.#hider.hide(bytes)
  }

  /** What it keeps in memory, at the most. */
  get heldBytes(): number {
    return this.#positions.length * POSITION_BYTES
  }

  /** Of the answer so far. */
  evidence(end: AnswerEnd): Evidence | undefined {
    const prompt = this.#prompt
    const positions = this.#positions
    if (this.#isBroken || prompt === undefined || positions.length === 0) return undefined
    if (positions.length > MAX_TRACED_TOKENS || !this.#isWhole(end)) return undefined
    const { plan, request } = this.#options
    return {
      spec: plan.spec,
      replay: request.replay,
      kept_only: false,
      sampler: request.sampler,
      transcript: { prompt, positions },
    }
  }

  #note(part: Part): void {
    const [choice] = part.choices ?? []
    if (choice === undefined || this.#isBroken) return
    const { data: prompt } = promptSchema.safeParse(
      choice.prompt_token_ids ?? part.prompt_token_ids,
    )
    this.#prompt ??= prompt
    const read = this.#read(choice)
    if (read === undefined) this.#isBroken = true
    else if (read.length > 0) this.#add(read, part.timings?.predicted_n)
  }

  #add(read: readonly Position[], generated: number | undefined): void {
    this.#positions.push(...read)
    const { isStream, plan } = this.#options
    if (this.#positions.length > MAX_TRACED_TOKENS) this.#isBroken = true
    if (plan.kind === 'vllm' || !isStream) return
    // Some tokens make no event of their own, such as the first half of a character.
    if (generated !== this.#positions.length) this.#isBroken = true
  }

  /** Whether nothing is missing but, maybe, the token that ended the answer. */
  #isWhole({ usage, finishReason }: AnswerEnd): boolean {
    const { plan, isStream } = this.#options
    const prompt = this.#prompt?.length
    if (usage !== undefined && usage.prompt_tokens !== prompt) return false
    // Of a stream that was cut nobody counts; there llama-server's timings have.
    if (usage === undefined) return plan.kind === 'llama-server' && isStream
    const missing = usage.completion_tokens - this.#positions.length
    if (missing === 0) return true
    return missing === 1 && plan.kind === 'llama-server' && isStream && finishReason !== 'length'
  }
}
