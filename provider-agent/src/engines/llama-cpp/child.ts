/**
 * llama.cpp in a process of its own: some malformed inputs abort the process that runs it, and the
 * agent must outlive that. Speaks `messages.ts` over the IPC channel and ends when it closes.
 */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { errorMessage } from '../../error-message.ts'
import {
  showsComputing,
  type FromChild,
  type LoadOptions,
  type Piece,
  type ToChild,
} from './messages.ts'
import { Embedder } from './embedder.ts'
import { firstAnswer } from './first-answer.ts'
import { LifeAnswer } from './life-answer.ts'
import { Runner, type Loaded } from './runner.ts'
import { Scorer } from './scorer.ts'
import { SequencePool } from './sequence-pool.ts'

/** Of a model that is loaded. */
let life: LifeAnswer | undefined

const post = (message: FromChild): void => {
  if (showsComputing(message)) life?.sign()
  if (process.connected) process.send?.(message)
}

/** Pieces wait for the end of the tick, so that all sequences of a batch share a message. */
let pending: Piece[] = []

function flushPieces(): void {
  if (pending.length === 0) return
  const pieces = pending
  pending = []
  post({ type: 'pieces', pieces })
}

const outlet = {
  piece(piece: Piece): void {
    if (pending.length === 0) setImmediate(flushPieces)
    pending.push(piece)
  },
  send(message: FromChild): void {
    flushPieces()
    post(message)
  },
}

async function load(options: LoadOptions): Promise<Loaded> {
  const llama = await getLlama({
    gpu: options.gpu ? 'auto' : false,
    build: 'never',
    logLevel: LlamaLogLevel.error,
    progressLogs: false,
  })
  const model = await llama.loadModel({ modelPath: options.path })
  const context = await model.createContext({
    sequences: options.slots,
    contextSize: { max: Math.min(options.maxContext, model.trainContextSize) },
    threads: options.threads,
  })
  return {
    llama,
    model,
    sequences: new SequencePool(Array.from({ length: options.slots }, () => context.getSequence())),
    // llama.cpp rounds its context up; beyond what the model was trained on it only babbles.
    contextLength: Math.min(context.contextSize, options.maxContext, model.trainContextSize),
  }
}

let runner: Runner | undefined
let embedder: Embedder | undefined
let scorer: Scorer | undefined

async function start(options: LoadOptions): Promise<void> {
  try {
    const loaded = await load(options)
    await firstAnswer(loaded, options.threads)
    runner = new Runner(loaded, outlet)
    embedder = new Embedder(loaded, options.threads, post)
    scorer = new Scorer(loaded.sequences, post)
    life = new LifeAnswer(loaded.sequences, () => firstAnswer(loaded, options.threads))
    const { bosString, eosString } = loaded.model.tokens
    post({
      type: 'ready',
      model: {
        contextLength: loaded.contextLength,
        bosToken: bosString ?? '',
        eosToken: eosString ?? '',
        release: loaded.llama.llamaCppRelease.release,
        backend: loaded.llama.gpu || 'cpu',
      },
    })
  } catch (error) {
    post({ type: 'load_failed', message: errorMessage(error) })
  }
}

async function prove(): Promise<void> {
  await life?.given()
  post({ type: 'proved' })
}

/** True when the run was no generation. */
const abortExtra = (run: number): boolean =>
  embedder?.abort(run) === true || scorer?.abort(run) === true

function receive(message: ToChild): void {
  if (message.type === 'load') void start(message.options)
  else if (message.type === 'ping') post({ type: 'pong' })
  else if (message.type === 'prove') void prove()
  else if (message.type === 'generate') void runner?.generate(message.run, message.request)
  else if (message.type === 'embed') void embedder?.embed(message.run, message.inputs)
  else if (message.type === 'score') {
    void scorer?.score(message.run, message.prompt, message.output)
  } else if (message.type === 'render') {
    runner?.render(message.run, message.prompt, message.output)
  } else if (message.type === 'abort' && abortExtra(message.run)) return
  else runner?.run(message.run)?.[message.type]()
}

process.on('message', receive)
process.on('disconnect', () => process.exit(0))
// A Ctrl-C on the terminal reaches the whole group; the parent decides when we end.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
