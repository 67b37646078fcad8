import type { Endpoint } from '@infernet/schemas/wire'

/** The endpoints whose answers can be streams. */
export type StreamEndpoint = Exclude<Endpoint, 'embeddings'>

/** `object` of a chunk. Legacy completions have the same one for chunks and whole answers. */
export const CHUNK_OBJECT = {
  'chat.completions': 'chat.completion.chunk',
  completions: 'text_completion',
} as const satisfies Record<StreamEndpoint, string>
