/** How the mock engine answers one request. */
export interface Pacing {
  /** Content chunks of a stream. */
  readonly chunks: number
  /** Milliseconds between two chunks; 0 sends one chunk per turn of the engine's event loop. */
  readonly gapMs: number
}

/** What the engine does for a request that carries no pacing. */
export const DEFAULT_PACING: Pacing = { chunks: 16, gapMs: 0 }

/** Longest stream a request may ask for, so that a typing error cannot keep an engine busy. */
export const MAX_CHUNKS = 10_000

/** Longest gap: at the most chunks this bounds a stream to under three hours. */
export const MAX_GAP_MS = 1_000

/**
 * Writes a pacing as text for the last user message. A gateway may replace the model name and drop
 * fields it does not know, but it has to deliver the prompt.
 */
export function pacingText(pacing: Pacing): string {
  return `bench:chunks=${pacing.chunks},gap=${pacing.gapMs}`
}

/** Finds the pacing in a message's text; limits apply, and no pacing means `DEFAULT_PACING`. */
export function parsePacing(text: string): Pacing {
  const match = /bench:chunks=(\d{1,6}),gap=(\d{1,6})/.exec(text)
  if (match === null) return DEFAULT_PACING
  return {
    chunks: Math.min(Number(match[1]), MAX_CHUNKS),
    gapMs: Math.min(Number(match[2]), MAX_GAP_MS),
  }
}
