import type { Position } from '@infernet/schemas/transcript'
import type { LocalModel } from './local-request.ts'
import { checkScoreOrder, ScoreError, type ScoreOrder } from './score-order.ts'
import type { ScoreSource } from './token-source.ts'

/** Has an answer scored by a model that we run ourselves. Rejects with {@link ScoreError}. */
export async function scoreLocally(
  source: ScoreSource,
  model: LocalModel,
  order: ScoreOrder,
  signal: AbortSignal,
): Promise<readonly Position[]> {
  checkScoreOrder(order, model, model.vocabSize)
  if (signal.aborted) throw ScoreError.aborted()
  const { promise, resolve, reject } = Promise.withResolvers<readonly Position[]>()
  const scored: Position[] = []
  const run = source.score(order.prompt, order.output, {
    positions: (positions) => scored.push(...positions),
    end: () => resolve(scored),
    fail: ({ message }) => reject(new ScoreError('engine_failed', message)),
  })
  const abort = (): void => {
    run.abort()
    reject(ScoreError.aborted())
  }
  signal.addEventListener('abort', abort)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
