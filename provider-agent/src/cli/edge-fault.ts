import { EdgeAskError, type EdgeAskErrorCode } from '../edge-api/ask-edge.ts'
import { EXIT, OwnerError, type ExitCode } from '../exit-codes.ts'

const EXIT_CODES: Readonly<Record<EdgeAskErrorCode, ExitCode>> = {
  bad_url: EXIT.usage,
  unreachable: EXIT.edge,
  refused: EXIT.edge,
  bad_answer: EXIT.edge,
}

/** Turns what an edge does not give into one line and an exit code. */
export async function edgeFault<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof EdgeAskError) throw new OwnerError(EXIT_CODES[error.code], error.message)
    throw error
  }
}
