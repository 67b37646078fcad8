import { ScoreError } from '../score-order.ts'
import type { EngineConnection } from './engine-connection.ts'
import {
  askEngine,
  EngineQuestionError,
  type EngineQuestion,
  type EngineReply,
} from './engine-question.ts'

/** Asks the engine something for a verifier. Rejects with {@link ScoreError}; any status is an answer. */
export async function askOrFail(
  connection: EngineConnection,
  question: EngineQuestion,
  failed: (reason: string) => ScoreError,
): Promise<EngineReply> {
  try {
    return await askEngine(connection, question)
  } catch (error) {
    if (!(error instanceof EngineQuestionError)) throw error
    throw error.code === 'aborted' ? ScoreError.aborted() : failed(error.message)
  }
}
