import type { Endpoint, ModelOffer } from '@infernet/schemas/wire'
import { nextPrompt } from '@infernet/verification/canary/prompt-source'
import { ANSWER_TOKENS } from './challenge-limits.ts'

/** Of a prompt, UTF-16 units: short, so that it is the answers that take the time. */
const PROMPT_CHARS = { least: 60, spread: 240 }
/** What challenges ask for: answers that come token by token. */
const ENDPOINTS: readonly Endpoint[] = ['chat.completions', 'completions']

/** How a model can be asked for many tokens; undefined where it makes none. */
export const generatesBy = ({ endpoints }: Pick<ModelOffer, 'endpoints'>): Endpoint | undefined =>
  ENDPOINTS.find((endpoint) => endpoints.includes(endpoint))

/** A streamed request as a client sends it, JSON. `random` is in [0, 1), and nobody can foresee it. */
export function challengeBody(model: string, endpoint: Endpoint, random: () => number): string {
  const promptChars = PROMPT_CHARS.least + Math.floor(random() * PROMPT_CHARS.spread)
  const form = { promptChars, messages: 1, hasSystem: false }
  const messages = nextPrompt(form, { random, isUsed: () => false })
  const asked =
    endpoint === 'completions' ? { prompt: messages[0]?.content } : { messages: [...messages] }
  return JSON.stringify({ model, ...asked, max_tokens: ANSWER_TOKENS, stream: true })
}
