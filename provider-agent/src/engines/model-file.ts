import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEMO_WEIGHTS } from '@infernet/models/demo-weights'
import { modelOfferSchema } from '@infernet/schemas/wire'
import { JobFault, requestFault, type EngineModel } from './engine.ts'

/** A GGUF file and the name clients know it by. */
export interface ModelFile {
  readonly id: string
  readonly path: string
}

/** The model that comes with the repository, so that an agent answers with nothing downloaded. */
export function demoModel(): ModelFile {
  return { id: 'infernet-demo', path: fileURLToPath(DEMO_WEIGHTS) }
}

/** Reads `--model path.gguf` or `--model name=path.gguf`; the name defaults to the file's. */
export function parseModelFile(text: string): ModelFile {
  const equals = text.indexOf('=')
  const path = text.slice(equals + 1)
  const name = equals === -1 ? basename(path).replace(/\.gguf$/i, '') : text.slice(0, equals)
  return { id: name, path }
}

/** OpenAI's error for a prompt that does not fit. Counts are tokens. */
export function contextExceeded(
  promptTokens: number,
  contextLength: number,
  param = 'messages',
): JobFault {
  const message =
    `This model's maximum context length is ${contextLength} tokens. However, your ${param} ` +
    `resulted in ${promptTokens} tokens. Please reduce the length of the ${param}.`
  return new JobFault(requestFault('context_length_exceeded', message, { param }))
}

/** The weight format that a file tells of itself, if it is one that can be offered. */
export function quantizationOf({
  quantization,
}: {
  readonly quantization: string
}): Pick<EngineModel, 'quantization'> {
  return modelOfferSchema.shape.quantization.safeParse(quantization).success ? { quantization } : {}
}
