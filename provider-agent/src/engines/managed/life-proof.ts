import { setTimeout as sleep } from 'node:timers/promises'
import type { EngineConnection } from '../openai-http/engine-connection.ts'
import { readGauges } from '../openai-http/engine-gauges.ts'
import { askEngine, EngineQuestionError } from '../openai-http/engine-question.ts'
import type { ManagedKind } from './engine-command.ts'

/** Of an answer: vLLM's metrics with all their histograms are some 200 KB. */
const MAX_BYTES = 2 * 1024 * 1024

export interface LifeProofOptions {
  readonly connection: EngineConnection
  readonly kind: ManagedKind
  /** As the server names it. */
  readonly model: string
  /** How long it may take over an answer, in ms: one that is busy answers late. */
  readonly patienceMs: number
  /** Between two looks at what vLLM has done, in ms. */
  readonly lookMs: number
  readonly signal: AbortSignal
}

/**
 * Waits until a server that is silent has shown that it computes; false where it does not in time. Its `/health` says
 * nothing of that: threads of their own answer it. Never rejects.
 */
export async function showsLife(options: LifeProofOptions): Promise<boolean> {
  const found = new AbortController()
  const asked = { ...options, signal: AbortSignal.any([options.signal, found.signal]) }
  try {
    return await (options.kind === 'llama-server' ? turns(asked) : works(asked))
  } finally {
    found.abort()
  }
}

/**
 * llama-server has its metrics said by the thread that computes, between two steps of at most 2,048 tokens: that costs no
 * token, takes nothing from its cache, and waits for no slot.
 */
async function turns(options: LifeProofOptions): Promise<boolean> {
  const page = await metricsOf(options)
  return page === 'none' ? answers(options) : page !== undefined
}

/** vLLM answers a question of one token, or, where all its places are taken, has done something from look to look. */
const works = (options: LifeProofOptions): Promise<boolean> =>
  Promise.race([answers(options), moves(options)])

async function moves(options: LifeProofOptions): Promise<boolean> {
  let first: string | undefined
  while (!options.signal.aborted) {
    const page = await metricsOf(options)
    if (page !== undefined && page !== 'none') {
      first ??= page
      if (page !== first) return true
    }
    await sleep(options.lookMs, undefined, { signal: options.signal }).catch(() => {})
  }
  return false
}

/** What the server says of its work; 'none' where it has no such page, undefined where it does not answer. */
async function metricsOf(options: LifeProofOptions): Promise<string | undefined> {
  const reply = await ask(options, { path: '/metrics', isBeside: true })
  if (reply === undefined) return undefined
  const gauges = reply.status === 200 ? readGauges(reply.body) : undefined
  return gauges === undefined ? 'none' : JSON.stringify(gauges)
}

/** Whatever it says to one token: a server that hangs says nothing. */
async function answers(options: LifeProofOptions): Promise<boolean> {
  const payload = { model: options.model, prompt: 'The', max_tokens: 1 }
  return (await ask(options, { path: '/completions', payload })) !== undefined
}

async function ask(
  { connection, patienceMs, signal }: LifeProofOptions,
  asked: { path: string; isBeside?: boolean; payload?: unknown },
): Promise<{ status: number; body: string } | undefined> {
  try {
    const bounds = { silenceMs: patienceMs, maxBytes: MAX_BYTES, signal }
    return await askEngine(connection, { ...asked, ...bounds, probes: true })
  } catch (error) {
    if (error instanceof EngineQuestionError) return undefined
    throw error
  }
}
