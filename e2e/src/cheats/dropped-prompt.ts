import type { EngineRequest } from '@infernet/provider-agent/engines/engine'
import { asking, showing, type Cheat, type HonestEngine } from './cheat.ts'

/** Reads the second half of what it was asked, and claims to have read it all. */
export const droppedPrompt: Cheat = (honest) => ({
  begin(request, sink) {
    const whole = promptIds(honest, request)
    const run = honest.begin(asking(request, halved), sink)
    const usage = () => ({ ...run.usage(), prompt_tokens: whole().length })
    const shown = showing(run, (evidence) => ({
      ...evidence,
      transcript: { ...evidence.transcript, prompt: whole() },
    }))
    return { ...shown, usage }
  },
})

/** How the engine reads a prompt, seen by a single token; it takes one run after the other. */
function promptIds(honest: HonestEngine, request: EngineRequest): () => readonly number[] {
  const nobody = { data: () => {}, finish: () => {}, fail: () => {} }
  const run = honest.begin({ ...request, max_output_tokens: 1 }, nobody)
  return () => run.evidence?.()?.transcript.prompt ?? []
}

function halved(body: Record<string, unknown>): Record<string, unknown> {
  if (typeof body['prompt'] === 'string') return { ...body, prompt: secondHalf(body['prompt']) }
  const messages = body['messages'] as readonly { readonly content: string }[]
  const last = messages.at(-1)
  if (last === undefined) return body
  const dropped = { ...last, content: secondHalf(last.content) }
  return { ...body, messages: [...messages.slice(0, -1), dropped] }
}

const secondHalf = (text: string): string => text.slice(text.length / 2)
