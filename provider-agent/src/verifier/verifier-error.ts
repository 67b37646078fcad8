import type { Engine } from '../engines/engine.ts'

/** The agent cannot be a verifier as it was started; the message says what to change. */
export class VerifierError extends Error {
  override readonly name = 'VerifierError'
  readonly code = 'verifier'
}

/**
 * Throws {@link VerifierError} for a started engine that cannot score. One that is down passes: only
 * when it is back shows what it can.
 */
export function assertScores({ kind, models, score }: Engine): void {
  if (score !== undefined || models.length === 0) return
  throw new VerifierError(
    `--role verifier needs an engine that scores answers, and this one (${kind}) cannot: use ` +
      'llama-cpp or tiny with --model FILE.gguf, or vLLM with --engine-url',
  )
}
