import { MAX_WAVES, ROUND_TIMEOUT_MS } from './challenge-limits.ts'

/** What an ask has brought: tokens, and the ms that its provider took. Neither where it has refused, or failed. */
export interface Answered {
  readonly tokens: number
  readonly ms: number
}

export interface RoundParts<Asked> {
  /** Asks one thing. Resolves when it is answered, or soon after the signal aborts with what has come until then. */
  readonly ask: (asked: Asked, signal: AbortSignal) => Promise<Answered>
  /** Resolves after so many ms, or as soon as the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface Asking<Asked> {
  readonly asked: Asked
  /** Requests at a time. */
  readonly streams: number
}

/**
 * Asks some providers at the same time. Resolves with how fast each was with its first answers, tokens per ms of a stream.
 * Who is ready before the others is kept at work, or else they would be alone in the end. Rejects when an ask does, or
 * the signal aborts.
 */
export async function roundPaces<Asked>(
  all: readonly Asking<Asked>[],
  { ask, sleep }: RoundParts<Asked>,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const over = new AbortController()
  const end = AbortSignal.any([signal, over.signal])
  void sleep(ROUND_TIMEOUT_MS, end).then(() => over.abort())
  const wave = ({ asked, streams }: Asking<Asked>): Promise<Answered[]> =>
    Promise.all(Array.from({ length: streams }, () => ask(asked, end)))
  const keepAtWork = async (asking: Asking<Asked>): Promise<void> => {
    for (let waves = 1; waves < MAX_WAVES && !end.aborted; waves++) await wave(asking)
  }
  let busy = all.length
  const extras: Promise<void>[] = []
  const paced = async (asking: Asking<Asked>): Promise<number> => {
    const answers = await wave(asking)
    if (--busy > 0) extras.push(keepAtWork(asking))
    return paceOf(answers)
  }
  try {
    const paces = await Promise.all(all.map(paced))
    signal.throwIfAborted()
    return paces
  } finally {
    over.abort()
    await Promise.allSettled(extras)
  }
}

/** Who refuses some to be quick with the others has made as much less. */
function paceOf(answers: readonly Answered[]): number {
  const given = answers.filter(({ tokens }) => tokens > 0)
  if (given.length === 0) return 0
  const tokens = given.reduce((sum, one) => sum + one.tokens, 0)
  const ms = given.reduce((sum, one) => sum + one.ms, 0) / given.length
  return tokens / answers.length / Math.max(1, ms)
}
