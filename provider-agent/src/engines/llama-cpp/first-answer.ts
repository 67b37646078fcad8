import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp'
import type { Loaded } from './runner.ts'

/** Architectures that make vectors and cannot write. */
const ENCODERS = /bert|embed|t5encoder/

/**
 * Has a model that was loaded answer once, with a token or a vector: memory may be lacking only now, and a file may hold
 * weights that are no numbers. Throws where it cannot. Later it shows that the model still computes: then a sequence has
 * to be free.
 */
export async function firstAnswer(
  { model, sequences }: Pick<Loaded, 'model' | 'sequences'>,
  threads: number,
): Promise<void> {
  const { bos, eos } = model.tokens
  // The library brands its numbers.
  const start = bos ?? eos ?? (0 as Token)
  if (ENCODERS.test(String(model.fileInfo.metadata.general.architecture))) {
    return checkNumbers(await vectorOf(model, start, threads))
  }
  const sequence = await sequences.takeEmptiest()
  try {
    await sequence.clearHistory()
    checkNumbers(await logitsBehind(sequence, start))
  } finally {
    // As if nobody had asked.
    await sequence.clearHistory()
    sequences.giveBack(sequence)
  }
}

async function logitsBehind(sequence: LlamaContextSequence, token: Token): Promise<number[]> {
  const generateNext = {
    logits: { filter: { tokens: [], includeTop: 1 } },
    options: { temperature: 1, topK: 1, topP: 1, minP: 0 },
  }
  const input = [[token, { generateNext }]] as unknown
  const [told] = await sequence.controlledEvaluate(
    input as Parameters<typeof sequence.controlledEvaluate>[0],
  )
  return [...(told?.next.logits?.values() ?? [])]
}

async function vectorOf(
  model: LlamaModel,
  token: Token,
  threads: number,
): Promise<readonly number[]> {
  const context = await model.createEmbeddingContext({ threads })
  try {
    const { vector } = await context.getEmbeddingFor([token])
    return vector
  } finally {
    // It is asked again and again, and each context takes memory.
    await context.dispose()
  }
}

function checkNumbers(values: readonly number[]): void {
  if (values.length > 0 && values.every(Number.isFinite)) return
  throw new Error('what it answers is no numbers: the file may be damaged, so fetch it again')
}
