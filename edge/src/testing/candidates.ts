import {
  capabilityBits,
  endpointBits,
  type Candidate,
  type OfferProfile,
} from '../hub/candidate.ts'
import type { ChoiceRules } from '../hub/eligibility.ts'
import { plainRules } from '../hub/match-rules.ts'
import { chooseProvider, type Match } from '../hub/matcher.ts'
import { ModelShelf } from '../hub/model-shelf.ts'
import { ProviderStats } from '../hub/provider-stats.ts'

export const NOW = Date.UTC(2026, 0, 1)

export const profile = (fields: Partial<OfferProfile> = {}): OfferProfile => ({
  endpoints: endpointBits(['chat.completions']),
  capabilities: capabilityBits(['tools']),
  quantization: '',
  keepsPrompts: false,
  isVerifiable: false,
  ...fields,
})

/** An idle provider of four slots, cheap enough for everybody. */
export const candidate = (peer: string, fields: Partial<Candidate> = {}): Candidate => ({
  peer,
  slots: 4,
  inFlight: 0,
  reported: 0,
  kvUse: 0,
  draining: false,
  blocked: false,
  busyUntil: 0,
  price: { prompt: 1, completion: 1 },
  profile: profile(),
  stats: undefined,
  trust: 1,
  ...fields,
})

/** A shelf that was told of everybody's load. */
export function shelfOf<C extends Candidate>(candidates: Iterable<C>): ModelShelf<C> {
  const shelf = new ModelShelf<C>()
  for (const one of candidates) {
    shelf.add(one)
    shelf.setFull(one, one.inFlight >= one.slots)
  }
  return shelf
}

export const rules = (fields: Partial<ChoiceRules> = {}): ChoiceRules => ({
  ...plainRules('chat.completions', { prompt: 10, completion: 10 }),
  exclude: new Set(),
  ...fields,
})

/** Measures of a provider that answered so often, so fast, and then failed so often. */
export function measured(of: {
  firstByteMs?: number
  tokensPerSecond?: number
  answers?: number
  failures?: number
  at?: number
}): ProviderStats {
  const { firstByteMs = 100, tokensPerSecond = 50, answers = 30, failures = 0, at = NOW } = of
  const stats = new ProviderStats(at)
  for (let i = 0; i < answers; i++) {
    stats.firstByte(firstByteMs, at)
    stats.completed({ tokens: 100, ms: 100_000 / tokensPerSecond }, at)
  }
  for (let i = 0; i < failures; i++) stats.failed(at)
  return stats
}

/** Yields the given numbers in turn, then the last one. */
export function draws(...values: number[]): () => number {
  return () => (values.length > 1 ? values.shift() : values[0]) ?? 0
}

/** What the matcher says at {@link NOW}. */
export const choose = (
  candidates: readonly Candidate[],
  fields: Partial<ChoiceRules> = {},
  options: { affinity?: string; random?: () => number } = {},
): Match<Candidate> => {
  const { affinity, random = Math.random } = options
  return chooseProvider(shelfOf(candidates), rules(fields), { now: NOW, affinity }, random)
}

export const chosenPeer = (match: Match<Candidate>): string | undefined =>
  match.found ? match.provider.peer : undefined

/** Everybody who is chosen in many tries. */
export function choices(
  candidates: readonly Candidate[],
  fields: Partial<ChoiceRules> = {},
  affinity?: string,
): Set<string | undefined> {
  const options = affinity === undefined ? {} : { affinity }
  return new Set(Array.from({ length: 200 }, () => chosenPeer(choose(candidates, fields, options))))
}
