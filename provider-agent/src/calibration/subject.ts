import type { ModelSpec } from '@infernet/schemas/model-spec'
import type { Engine, EngineModel } from '../engines/engine.ts'
import type { Scorer } from '../engines/score-order.ts'
import { CalibrationError } from './calibration-error.ts'

/** What can be calibrated: a model that shows how it answers, and can score that. */
export interface Subject {
  readonly engine: Engine
  readonly model: EngineModel
  readonly spec: ModelSpec
  readonly score: Scorer
}

/** The only model of a started engine. Throws {@link CalibrationError} for what cannot be calibrated. */
export function subjectOf(engine: Engine): Subject {
  const { kind, models, score } = engine
  const [model, ...others] = models
  if (model === undefined) {
    throw new CalibrationError(
      'no_model',
      `${kind} serves no model now: start it, or name a --model`,
    )
  }
  if (others.length > 0) {
    const names = models.map(({ id }) => id).join(', ')
    throw new CalibrationError(
      'no_model',
      `a calibration is of one model, and here are ${names}: name one with --model`,
    )
  }
  const { id, spec } = model
  if (spec === undefined) {
    throw new CalibrationError(
      'no_evidence',
      `${kind} does not show how it draws the tokens of '${id}', so its answers are not audited and ` +
        'need no calibration; to have them audited, say what a server runs with --spec-weights and ' +
        '--spec-backend, or serve the file: --engine llama-cpp --model FILE.gguf',
    )
  }
  if (score === undefined) {
    throw new CalibrationError(
      'cannot_score',
      `${kind} cannot tell how likely the tokens of an answer are: use vLLM or llama-server, or ` +
        'llama-cpp or tiny with --model FILE.gguf',
    )
  }
  return { engine, model, spec, score: score.bind(engine) }
}
