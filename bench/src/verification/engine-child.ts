/** llama.cpp in a process of its own, as it is in a provider. Speaks `engine-messages.ts`, one task at a time. */
import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import { encodeTranscript, type Position } from '@infernet/schemas/transcript'
import { getLlama, LlamaLogLevel, type LlamaContextSequence, type LlamaModel } from 'node-llama-cpp'
import { drawnAnswer } from './drawn-answer.ts'
import type { EngineSpec, FromEngine, Task } from './engine-messages.ts'
import { sampledAnswer } from './sampled-answer.ts'
import { scoredAnswer } from './scored-answer.ts'

/** Longest prompt and answer together. */
const CONTEXT_TOKENS = 256

interface Engine {
  readonly model: LlamaModel
  readonly sequences: readonly LlamaContextSequence[]
}

const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error })
const engines = new Map<string, Engine>()

async function engineOf(spec: EngineSpec): Promise<Engine> {
  const key = JSON.stringify(spec)
  const known = engines.get(key)
  if (known !== undefined) return known
  const model = await llama.loadModel({ modelPath: spec.path })
  const context = await model.createContext({
    sequences: spec.slots,
    contextSize: CONTEXT_TOKENS,
    batchSize: spec.batchSize,
    threads: 1,
    experimentalKvCacheKeyType: spec.kv,
    experimentalKvCacheValueType: spec.kv,
    // llama.cpp reads values of fewer bits only so.
    ...(spec.kv === 'F16' ? {} : { flashAttention: true }),
  })
  const sequences = Array.from({ length: spec.slots }, () => context.getSequence())
  const engine = { model, sequences }
  engines.set(key, engine)
  return engine
}

const post = (message: FromEngine): void => void process.send?.(message)

async function run(task: Task): Promise<void> {
  const engine = await engineOf(task.spec)
  const draft =
    task.type === 'draw' && task.draft !== undefined ? await engineOf(task.draft) : undefined
  const items = task.type === 'score' ? task.readings : task.orders
  const started = performance.now()
  let next = 0
  // Each sequence takes the next item when it is done: llama.cpp's batches are always full.
  const worker = async (sequence: LlamaContextSequence, slot: number): Promise<void> => {
    for (;;) {
      const index = next++
      const item = items[index]
      if (item === undefined) return
      await sequence.clearHistory()
      const positions = await answer(task, index, {
        engine,
        sequence,
        draft: draft?.sequences[slot],
      })
      const transcript = { prompt: item.prompt, positions }
      post({
        type: 'result',
        index,
        transcript: encodeTranscript(transcript, MAX_SCORED_CANDIDATES),
      })
    }
  }
  await Promise.all(engine.sequences.map(worker))
  post({ type: 'done', seconds: (performance.now() - started) / 1000 })
}

interface Place {
  readonly engine: Engine
  readonly sequence: LlamaContextSequence
  readonly draft: LlamaContextSequence | undefined
}

async function answer(
  task: Task,
  index: number,
  { engine, sequence, draft }: Place,
): Promise<readonly Position[]> {
  if (task.type === 'score') {
    const reading = task.readings[index]
    if (reading === undefined) return []
    return scoredAnswer(sequence, reading, task.manner)
  }
  const order = task.orders[index]
  if (order === undefined) return []
  if (task.type === 'generate') return sampledAnswer(llama, engine.model, sequence, order)
  await draft?.clearHistory()
  const end = engine.model.tokens.eos ?? -1
  return drawnAnswer({ sequence, draft, variant: task.variant, end }, order)
}

process.on('message', (task: Task) => {
  run(task).catch((error: unknown) =>
    post({ type: 'failed', message: error instanceof Error ? (error.stack ?? '') : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
