import { ToolCallParser } from '@infernet/openai-compat/tool-call-parser'
import type { RenderedAnswer } from '@infernet/schemas/audit-wire'
import type { EngineRequest } from './engine.ts'
import { readTextRequest } from './local-answer.ts'
import type { LocalModel, LocalRequest } from './local-request.ts'
import { sharedPrefix } from './local-sampling.ts'
import { readRenderOrder, type RenderOrder } from './render-order.ts'
import { checkIds, ScoreError } from './score-order.ts'
import type { RenderSource } from './token-source.ts'

/** Has a request and its answer's ids rendered by a model that we run ourselves. Rejects with {@link ScoreError}. */
export async function renderLocally(
  source: RenderSource,
  model: LocalModel,
  order: RenderOrder,
  signal: AbortSignal,
): Promise<RenderedAnswer> {
  if (signal.aborted) throw ScoreError.aborted()
  const request = readRenderOrder(order, (job) => readJob(job, model))
  checkIds(order.output, model)
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(ScoreError.aborted())
  signal.addEventListener('abort', abort)
  try {
    const rendering = source.render(request.generate.prompt, order.output)
    const { prompt, text } = await Promise.race([rendering, aborted])
    return { prompt, text: shownText(text, request) }
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function readJob(job: EngineRequest, model: LocalModel): LocalRequest {
  if (model.readsClock === true && job.at === undefined) {
    throw new ScoreError('bad_request', `the chat template of '${model.id}' writes the date`)
  }
  return readTextRequest(job, model)
}

/** As the client gets it, but for stop sequences; null where calls are taken out of it. */
function shownText(
  text: string,
  { known, parseTools, prefill }: Pick<LocalRequest, 'known' | 'parseTools' | 'prefill'>,
): string | null {
  const said = text.slice(sharedPrefix(text, known))
  if (!parseTools) return said
  const parser = new ToolCallParser(() => '')
  const outputs = [...parser.push(prefill), ...parser.push(said), ...parser.flush()]
  const shown = outputs.map((output) => (output.type === 'text' ? output.text : '')).join('')
  return parser.calls === 0 && shown === said ? said : null
}
