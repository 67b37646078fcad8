import { canContinue } from '@infernet/openai-compat/continuation'
import { parseChatRequest } from '@infernet/openai-compat/chat-request'
import { parseCompletionRequest } from '@infernet/openai-compat/completion-request'
import { parseEmbeddingsRequest } from '@infernet/openai-compat/embeddings-request'
import { refuseRemoteMedia } from '@infernet/openai-compat/engine-messages'
import type { ClientApi, ParsedRequest } from './client-api.ts'

/** POST /v1/chat/completions. */
export const chatCompletions = {
  parse(body: Uint8Array): ParsedRequest {
    const request = parseChatRequest(body)
    refuseRemoteMedia(request.body.messages)
    const continuable = request.stream && canContinue(request.endpoint, request.body)
    return { request, body, continuable }
  },
} satisfies ClientApi

/** POST /v1/completions. */
export const completions = {
  parse(body: Uint8Array): ParsedRequest {
    const request = parseCompletionRequest(body)
    const continuable = request.stream && canContinue(request.endpoint, request.body)
    return { request, body, continuable }
  },
} satisfies ClientApi

/** POST /v1/embeddings. */
export const embeddings = {
  parse: (body: Uint8Array): ParsedRequest => ({
    request: parseEmbeddingsRequest(body),
    body,
    continuable: false,
  }),
} satisfies ClientApi
