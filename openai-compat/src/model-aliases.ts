import type { Endpoint, Price } from '@infernet/schemas/wire'
import type { InferenceRequest } from './inference-request.ts'

/** A served model, as far as an alias is concerned. */
export interface AliasCandidate {
  readonly id: string
  /** Tokens of prompt and answer together. */
  readonly contextLength: number
  /** The cheapest provider's, in msat per million tokens. */
  readonly minPrice: Price
  /** What some provider of it can do. */
  readonly capabilities: readonly string[]
  readonly endpoints: readonly Endpoint[]
}

/** The part of a request that decides which models could serve it. */
export type AliasWish = Pick<InferenceRequest, 'endpoint' | 'needs'>

/** What people expect of a model when they name one that is not served here. */
type ModelClass = 'frontier' | 'reasoning' | 'coding' | 'fast' | 'any'

/** Vendors that gateways put before the closed names: `openai/gpt-4o` is `gpt-4o`. */
const VENDOR = /^(?:openai|anthropic|google|x-ai|openrouter|infernet)\//

/** Variants that speak, listen live, draw or search: no text model stands in for them. */
const OTHER_TRADES = /-(?:audio|realtime|transcribe|tts|image|search|embedding)/

/**
 * Names that no provider serves, and what they stand for; the first row that matches counts.
 * Embedding models are left out on purpose: vectors of two models cannot be compared, so that an
 * index filled under an alias would break in silence on the day the alias changes.
 */
const ALIASES: readonly (readonly [name: RegExp, stands: ModelClass])[] = [
  [/^auto$/, 'any'],
  [/^(?:gpt-5[\w.-]*-codex|codex)(?:-|$)/, 'coding'],
  [/^gpt-(?:4o|4\.\d|5(?:\.\d+)?)-(?:mini|nano)(?:-|$)/, 'fast'],
  [/^gpt-3\.5-turbo(?:-|$)/, 'fast'],
  [/^(?:davinci|babbage)-002$/, 'fast'],
  [/^o[134](?:-|$)/, 'reasoning'],
  [/^(?:gpt-4|gpt-4o|gpt-4\.\d|gpt-5(?:\.\d+)?|chatgpt-4o)(?:-|$)/, 'frontier'],
  [/^claude-(?:[\d.-]+-)?(?:haiku|instant)(?:-|$)/, 'fast'],
  [/^claude-/, 'frontier'],
  [/^gemini-[\w.-]*flash/, 'fast'],
  [/^gemini-/, 'frontier'],
  [/^grok-[\w.-]*(?:mini|fast)/, 'fast'],
  [/^grok-code/, 'coding'],
  [/^grok-/, 'frontier'],
]

const FRONTIER: readonly RegExp[] = [
  /kimi-k\d/,
  /deepseek-(?:chat-)?v[3-9]/,
  /glm-(?:[5-9]|4\.[5-9])(?!.*(?:air|flash))/,
  /qwen3(?:\.\d)?-(?:235|397|480)b/,
  /minimax-m\d/,
  /gpt-oss[-:]120b/,
  /llama-4-maverick/,
  /llama-?3\.[13][-:](?:405b|70b)/,
  /qwen2\.5[-:]72b/,
  /mistral-large/,
]

/** Good open models for each class, best first, by their names without the publisher. */
const PREFERRED: Readonly<Record<ModelClass, readonly RegExp[]>> = {
  frontier: FRONTIER,
  reasoning: [
    /deepseek-r\d/,
    /kimi-k\d.*thinking/,
    /qwen3.*235b.*thinking/,
    /gpt-oss[-:]120b/,
    /qwq/,
    /magistral/,
    /gpt-oss[-:]20b/,
    ...FRONTIER,
  ],
  coding: [/qwen3-coder/, /devstral/, /qwen2\.5-coder/, /codestral/, ...FRONTIER],
  fast: [
    /gpt-oss[-:]20b/,
    /qwen3(?:\.\d)?[-:](?:30|35)b/,
    /gemma-?3[-:](?:27|12)b/,
    /mistral-small/,
    /qwen3[-:](?:14|8)b/,
    /llama-?3\.1[-:]8b/,
    /qwen2\.5[-:](?:14|7)b/,
    /phi-?4/,
  ],
  any: [],
}

type Order = (a: AliasCandidate, b: AliasCandidate) => number

const byPrice: Order = (a, b) => priceOf(a) - priceOf(b)
const bySize: Order = (a, b) => parametersOf(b.id) - parametersOf(a.id)
const byContext: Order = (a, b) => b.contextLength - a.contextLength
// The last word, so that every edge chooses alike.
const byId: Order = (a, b) => (a.id < b.id ? -1 : 1)

const CHEAPEST: readonly Order[] = [byPrice, bySize, byContext, byId]
const LARGEST: readonly Order[] = [bySize, byContext, byPrice, byId]

/** How to choose when none of the preferred is served: an unmodified client must get an answer. */
const OTHERWISE: Readonly<Record<ModelClass, readonly Order[]>> = {
  frontier: LARGEST,
  reasoning: LARGEST,
  coding: LARGEST,
  fast: CHEAPEST,
  any: CHEAPEST,
}

/**
 * The served model that a name stands for: itself if it is served, else by the table above the best
 * one that can do what the request needs. `auto` is the cheapest of those. Undefined for a name
 * that is neither served nor in the table, and when no served model can do it.
 */
export function resolveAlias(
  name: string,
  served: readonly AliasCandidate[],
  wish: AliasWish,
): string | undefined {
  if (served.some(({ id }) => id === name)) return name
  const stands = wish.endpoint === 'embeddings' ? undefined : classOf(name)
  if (stands === undefined) return undefined
  const able = served.filter(
    ({ endpoints, capabilities }) =>
      endpoints.includes(wish.endpoint) && wish.needs.every((need) => capabilities.includes(need)),
  )
  for (const pattern of PREFERRED[stands]) {
    const best = first(
      able.filter(({ id }) => pattern.test(bareName(id))),
      CHEAPEST,
    )
    if (best !== undefined) return best.id
  }
  return first(able, OTHERWISE[stands])?.id
}

function classOf(name: string): ModelClass | undefined {
  const bare = name.toLowerCase().replace(VENDOR, '')
  if (OTHER_TRADES.test(bare)) return undefined
  return ALIASES.find(([pattern]) => pattern.test(bare))?.[1]
}

/** Without the publisher: `Qwen/Qwen3-8B` is `qwen3-8b`. */
const bareName = (id: string): string => id.slice(id.lastIndexOf('/') + 1).toLowerCase()

const priceOf = ({ minPrice }: AliasCandidate): number => minPrice.prompt + minPrice.completion

const UNIT: Readonly<Record<string, number>> = { m: 1e6, b: 1e9, t: 1e12 }

/**
 * Parameters by a model's name, 0 if it does not say: `8b`, `8x7b`, `135m`. Active parameters
 * (`30b-a3b`) are not meant.
 */
function parametersOf(id: string): number {
  const sizes = bareName(id).matchAll(
    /(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)([mbt])(?![a-z0-9])/g,
  )
  return Math.max(
    0,
    ...Array.from(sizes, ([, experts = '1', size, unit = '']) => {
      return Number(experts) * Number(size) * (UNIT[unit] ?? 0)
    }),
  )
}

function first(
  candidates: readonly AliasCandidate[],
  orders: readonly Order[],
): AliasCandidate | undefined {
  const compare: Order = (a, b) => orders.reduce((sign, order) => sign || order(a, b), 0)
  return candidates.toSorted(compare)[0]
}
