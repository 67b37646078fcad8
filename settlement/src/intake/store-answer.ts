import { ask } from '../db/database.ts'
import { DbUnavailable } from '../db/db-port.ts'
import { IntakeError } from './intake-error.ts'

/** Awaits work on the database. Throws {@link IntakeError} `store_unavailable` when no answer came. */
export async function storeAnswer<Result>(work: PromiseLike<Result>): Promise<Result> {
  try {
    return await ask(work)
  } catch (error) {
    if (!(error instanceof DbUnavailable)) throw error
    throw new IntakeError('store_unavailable', error.message, { cause: error })
  }
}
