import type { RenderedAnswer, RenderRequest } from '@infernet/schemas/audit-wire'
import { JobFault, type EngineRequest } from './engine.ts'
import { ScoreError } from './score-order.ts'

/** A request to be rendered, with the ids of its answer; `body` is what an engine would be given. */
export type RenderOrder = Omit<RenderRequest, 'id'>

/**
 * Resolves with what the request's prompt is in ids, by the very path that an answer's takes, and with the text
 * that the engine shows for the ids. Rejects with `ScoreError`.
 */
export type Renderer = (order: RenderOrder, signal: AbortSignal) => Promise<RenderedAnswer>

/** Has `read` take an order as it takes a job. Throws {@link ScoreError} for a `JobFault`, and where there is no text. */
export function readRenderOrder<Read>(
  order: RenderOrder,
  read: (job: EngineRequest) => Read,
): Read {
  if (order.endpoint === 'embeddings') {
    throw new ScoreError('bad_request', 'an embedding has no text')
  }
  try {
    // What else a job says decides what is drawn, and nothing here.
    return read({ ...order, seed: 0, stream: false, include_usage: false, max_output_tokens: 1 })
  } catch (error) {
    throw error instanceof JobFault ? new ScoreError('bad_request', error.message) : error
  }
}
