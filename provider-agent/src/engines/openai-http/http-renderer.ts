import type { RenderedAnswer } from '@infernet/schemas/audit-wire'
import { readRenderOrder, type RenderOrder } from '../render-order.ts'
import { checkIds, ScoreError } from '../score-order.ts'
import type { EngineConnection } from './engine-connection.ts'
import { engineJob } from './engine-job.ts'
import type { ShowingKind } from './evidence/evidence-plan.ts'
import { LlamaServerTokenizer } from './llama-server-tokenizer.ts'
import type { ModelAlias } from './model-alias.ts'
import type { SentRequest, ServerTokenizer } from './server-tokenizer.ts'
import { isInsideParsed, isShownAsIs, isShownWhole } from './shown-text.ts'
import { VllmTokenizer } from './vllm-tokenizer.ts'

/** Of a prompt's end: what an answer's first tokens may be written otherwise behind, such as a space in front. */
const CONTEXT_TOKENS = 16

/** All that is tidied anywhere. */
const UNTIDY = "Is it so ? No , it is n't . I 'm  sure ,\n\t do n't ' ask '  ! 你好 é"

/** A model as a server has it. */
export interface ServedModel {
  readonly alias: ModelAlias
  readonly kind: ShowingKind
  /** Ids of tokens are below it, where that is known. */
  readonly vocabSize?: number | undefined
}

/** Renders requests as the agent's jobs send them, and answers as clients are shown them, by the server itself. */
export class HttpRenderer {
  readonly #model: ServedModel
  readonly #tokenizer: ServerTokenizer

  constructor(connection: EngineConnection, model: ServedModel) {
    const { kind, alias } = model
    this.#model = model
    this.#tokenizer =
      kind === 'vllm'
        ? new VllmTokenizer(connection, alias.engineName)
        : new LlamaServerTokenizer(connection)
  }

  /** The text is left out where `texts` says so, or where it is not clear. Rejects with {@link ScoreError}. */
  async render(order: RenderOrder, texts: boolean, signal: AbortSignal): Promise<RenderedAnswer> {
    if (signal.aborted) throw ScoreError.aborted()
    const { alias, vocabSize = Infinity } = this.#model
    const request = this.#sent(order)
    checkIds(order.output, { id: alias.id, vocabSize })
    const prompt = await this.#tokenizer.promptIds(request, signal)
    const isClear = texts && isShownWhole(request)
    const text = isClear ? await this.#text(request, prompt, order.output, signal) : null
    return { prompt, text }
  }

  /** Whether text comes back from the model's tokens as it was; some tokenizers tidy it. Never rejects. */
  async keepsText(model: string, signal: AbortSignal): Promise<boolean> {
    const payload = { model, prompt: UNTIDY }
    try {
      const ids = await this.#tokenizer.promptIds({ endpoint: 'completions', payload }, signal)
      return (await this.#tokenizer.textOf(ids, signal)).endsWith(UNTIDY)
    } catch (error) {
      if (error instanceof ScoreError) return false
      throw error
    }
  }

  #sent(order: RenderOrder): SentRequest {
    return readRenderOrder(order, (job) => {
      const { endpoint, continues } = job
      const { payload, begun } = engineJob(job, this.#model)
      if (endpoint === 'chat.completions') checkMessages(payload, continues, begun)
      return { endpoint, payload }
    })
  }

  async #text(
    request: SentRequest,
    prompt: readonly number[],
    output: readonly number[],
    signal: AbortSignal,
  ): Promise<string | null> {
    const tokenizer = this.#tokenizer
    const isEnded = await tokenizer.isSilent(output.at(-1) ?? 0, signal)
    const context = prompt.slice(-CONTEXT_TOKENS)
    const said = [...context, ...(isEnded ? output.slice(0, -1) : output)]
    const [before, whole] = await Promise.all([
      tokenizer.textOf(context, signal),
      tokenizer.textOf(said, signal),
    ])
    // Some words are only one text with those in front of them.
    if (!whole.startsWith(before) || isInsideParsed(before)) return null
    const text = whole.slice(before.length)
    if (text === '') return text
    return isShownAsIs(text, request) && (await tokenizer.isPlain(text, signal)) ? text : null
  }
}

/** Throws {@link ScoreError} for what an edge sends to no provider. */
function checkMessages(payload: SentRequest['payload'], continues: boolean, begun: string): void {
  const { messages } = payload
  const isChat = Array.isArray(messages) && messages.length > 0
  if (!isChat) throw new ScoreError('bad_request', 'a chat has a message at least')
  if (continues && begun === '') {
    throw new ScoreError('bad_request', 'a continued chat ends with what the assistant has said')
  }
}
