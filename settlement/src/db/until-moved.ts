import { DbUnavailable } from './db-port.ts'

/** A row moves forward a few times in its life, so nobody is overtaken more often. */
const MAX_ROUNDS = 10

/**
 * Reads a row, decides by the table of its states and moves it from the state that was read, again
 * whenever somebody else moved it in between: `round` then returns undefined. Throws what `round` throws,
 * and {@link DbUnavailable} when it never succeeds.
 */
export async function untilMoved<Outcome>(
  round: () => Promise<Outcome | undefined>,
): Promise<Outcome> {
  for (let rounds = 0; rounds < MAX_ROUNDS; rounds++) {
    const outcome = await round()
    if (outcome !== undefined) return outcome
  }
  throw new DbUnavailable(`A row was moved by others ${MAX_ROUNDS} times`)
}
