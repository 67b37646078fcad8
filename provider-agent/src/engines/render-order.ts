import type { RenderedAnswer, RenderRequest } from '@infernet/schemas/audit-wire'

/** A request to be rendered, with the ids of its answer; `body` is what an engine would be given. */
export type RenderOrder = Omit<RenderRequest, 'id'>

/**
 * Resolves with what the request's prompt is in ids, by the very path that an answer's takes, and with the text
 * that the engine shows for the ids. Rejects with `ScoreError`.
 */
export type Renderer = (order: RenderOrder, signal: AbortSignal) => Promise<RenderedAnswer>
