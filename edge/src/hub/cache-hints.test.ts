import { seededRandom, type Random } from '@infernet/verification/economics/random'
import { describe, expect, it } from 'vitest'
import type { JobOrder } from '../ports.ts'
import { candidate, NOW, rules, shelfOf } from '../testing/candidates.ts'
import { chooseProvider } from './matcher.ts'
import { PrefixAffinity } from './prefix-affinity.ts'

/** Prompts that an engine keeps, the latest of them. */
const MAX_CACHED = 12
const CONVERSATIONS = 16
const REQUESTS = 4_000
/** An engine is started again once in so many requests. */
const RESTARTS = 1 / 100

/** A part of a prompt; they differ in all their places. */
const BLOCK_BYTES = 1_024

const blocksOf = (random: Random, count: number): string[] =>
  Array.from({ length: count }, () =>
    random()
      .toString(36)
      .slice(2)
      .padEnd(16, 'x')
      .repeat(BLOCK_BYTES / 16)
      .slice(0, BLOCK_BYTES),
  )

/** An engine's cache of prompts. */
class Cache {
  since = 0
  #prompts: (readonly string[])[] = []

  /** Blocks of a prompt's beginning that it has, which it has all of from now on. */
  read(prompt: readonly string[]): number {
    const shared = Math.max(0, ...this.#prompts.map((known) => sharedBlocks(known, prompt)))
    this.#prompts = [prompt, ...this.#prompts].slice(0, MAX_CACHED)
    return shared
  }

  lose(): void {
    this.#prompts = []
    this.since++
  }
}

function sharedBlocks(one: readonly string[], other: readonly string[]): number {
  const first = other.findIndex((block, index) => block !== one[index])
  return first < 0 ? other.length : first
}

interface Outcome {
  /** Share of all prompts that engines had cached. */
  readonly cached: number
  /** Requests that went to somebody for a cache that had nothing of them. */
  readonly inVain: number
}

/** Conversations that begin alike, with engines that are started again now and then. */
function simulated(tellsLosses: boolean): Outcome {
  const random = seededRandom(3)
  const caches = new Map(['a', 'b', 'c', 'd'].map((peer) => [peer, new Cache()]))
  const shelf = shelfOf([...caches.keys()].map((peer) => candidate(peer, { slots: 8 })))
  const affinity = new PrefixAffinity()
  const system = blocksOf(random, 8)
  const conversations = Array.from({ length: CONVERSATIONS }, () => system)
  let [blocks, cached, inVain] = [0, 0, 0]
  for (let i = 0; i < REQUESTS; i++) {
    if (random() < RESTARTS) [...caches.values()][Math.floor(random() * caches.size)]?.lose()
    if (tellsLosses) for (const [peer, { since }] of caches) affinity.cachedSince(peer, since)
    const which = Math.floor(random() * CONVERSATIONS)
    const before = conversations[which] ?? system
    const prompt = [...(before.length > 32 ? system : before), ...blocksOf(random, 1)]
    conversations[which] = prompt
    const body = Buffer.from(prompt.join(''))
    const order = { model: 'm', accountId: 'acct_a', body } as unknown as JobOrder
    const context = { now: NOW, affinity: affinity.find(order) }
    const match = chooseProvider(shelf, rules(), context, random)
    if (!match.found) throw new Error('nobody is free')
    const { peer } = match.provider
    affinity.served(order, peer)
    const known = caches.get(peer)?.read(prompt) ?? 0
    blocks += prompt.length
    cached += known
    if (match.strategy === 'affinity' && known === 0) inVain++
  }
  return { cached: cached / blocks, inVain }
}

describe('what providers tell of their caches', () => {
  it('keeps prompts from engines that have lost them, and brings them to those that have a part', () => {
    const [silent, told] = [simulated(false), simulated(true)]
    expect(silent.inVain).toBeGreaterThan(REQUESTS * RESTARTS * 0.3)
    expect(told.inVain).toBe(0)
    expect(told.cached).toBeGreaterThan(silent.cached)
  })
})
