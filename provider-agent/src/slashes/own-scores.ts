import { modelSpecSchema, type ModelSpec } from '@infernet/schemas/model-spec'
import type { OpenedEvidence } from '@infernet/verification/verdict/audit-evidence'
import { z } from 'zod'
import { asSent } from '../calibration/scores-of.ts'
import { createEngine, type EngineName } from '../engines/create-engine.ts'
import { EngineStartError, type Engine, type EngineModel } from '../engines/engine.ts'
import { fileHash } from '../engines/local-spec.ts'
import { ScoreError } from '../engines/score-order.ts'
import { errorMessage } from '../error-message.ts'
import type { OwnScores } from './verify-slash.ts'

export type OwnScoresErrorCode = 'wrong_weights' | 'engine'

/** Nothing was computed; the message is for the owner. */
export class OwnScoresError extends Error {
  override readonly name = 'OwnScoresError'
  readonly code: OwnScoresErrorCode

  constructor(code: OwnScoresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const MODEL = 'model'

/**
 * Computes how likely an answer's tokens were, with a model file of one's own: it must be the spec's weights.
 * Rejects with {@link OwnScoresError}.
 */
export async function ownScores(
  file: string,
  json: string,
  { opened }: OpenedEvidence,
  signal: AbortSignal,
): Promise<OwnScores> {
  const spec = specIn(json)
  await assertWeights(file, spec)
  const engine = await started(file, spec)
  try {
    const output = opened.positions.map(({ id }) => id)
    const order = { model: MODEL, prompt: opened.prompt, output }
    const positions = await engine.score?.(order, signal)
    if (positions === undefined) throw new OwnScoresError('engine', 'the engine cannot score')
    return { positions: asSent(positions), notes: differences(engine.models[0], spec) }
  } catch (cause) {
    if (!(cause instanceof ScoreError)) throw cause
    throw new OwnScoresError('engine', `the answer cannot be scored: ${cause.message}`, { cause })
  } finally {
    await engine.close()
  }
}

const specIn = (json: string): ModelSpec =>
  z.object({ spec: modelSpecSchema }).parse(JSON.parse(json)).spec

async function assertWeights(file: string, { weights }: ModelSpec): Promise<void> {
  const hash = await fileHash(file).catch((cause: unknown) => {
    const reason = errorMessage(cause)
    throw new OwnScoresError('wrong_weights', `cannot read ${file}: ${reason}`, { cause })
  })
  if (hash === weights) return
  const message = `${file} is another model: its SHA-256 is ${hash}, and the spec’s weights are ${weights}`
  throw new OwnScoresError('wrong_weights', message)
}

/** The spec's own kind of engine; for small models, where llama.cpp cannot be loaded, the one in TypeScript. */
async function started(file: string, spec: ModelSpec): Promise<Engine> {
  const kinds: EngineName[] = spec.engine.startsWith('tiny') ? ['tiny'] : ['llama-cpp', 'tiny']
  const faults: EngineStartError[] = []
  for (const engine of kinds) {
    const options = { engine, models: [`${MODEL}=${file}`], slots: 1, gpu: true, overrides: {} }
    const made = createEngine(options, Date.now)
    try {
      await made.start({ modelsChanged: () => {}, trouble: () => {} })
      return made
    } catch (error) {
      await made.close()
      if (!(error instanceof EngineStartError)) throw error
      faults.push(error)
    }
  }
  const message = faults.map((fault) => fault.message).join('; ')
  throw new OwnScoresError('engine', message, { cause: faults[0] })
}

/** What of this machine's is not the spec's: numbers may differ by it. */
function differences(model: EngineModel | undefined, spec: ModelSpec): string[] {
  const own = model?.spec
  const names = ['engine', 'kv', 'backend', 'quantization', 'template'] as const
  return names
    .filter((name) => own?.[name] !== spec[name])
    .map((name) => `${name} here is ${own?.[name] ?? 'unknown'}, in the spec ${spec[name]}`)
}
