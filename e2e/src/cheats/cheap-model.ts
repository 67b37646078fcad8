import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readGgufHeader } from '@infernet/models/gguf-reader'
import { llamaTensorShapes } from '@infernet/models/llama-config'
import { decodeTensor, type TensorType } from '@infernet/models/tensor-codec'
import { loadTinyModel } from '@infernet/models/tiny-model'
import { modelFile } from '@infernet/models/trainer/model-file'
import { LlamaCppEngine } from '@infernet/provider-agent/engines/llama-cpp/llama-cpp'
import { demoModel } from '@infernet/provider-agent/engines/model-file'

/** What is cheaper about a model. */
export interface Cheapness {
  readonly type: TensorType
  /** Layers left, the first ones. */
  readonly layers?: number
}

/** Starts an engine that runs the demo model made cheaper, under its name. */
export async function cheapEngine(cheapness: Cheapness): Promise<LlamaCppEngine> {
  const { id, path } = demoModel()
  const folder = await mkdtemp(join(tmpdir(), 'infernet-cheap-'))
  try {
    const file = join(folder, 'model.gguf')
    await writeFile(file, cheaper(await readFile(path), cheapness))
    const options = { files: [{ id, path: file }], slots: 1, gpu: false }
    const engine = new LlamaCppEngine(options, Date.now)
    await engine.start({ modelsChanged: () => {}, trouble: () => {} })
    return engine
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function cheaper(file: Uint8Array, { type, layers }: Cheapness): Uint8Array {
  const { config, summary, tokenizer } = loadTinyModel(file)
  const header = readGgufHeader(file)
  const smaller = { ...config, layers: layers ?? config.layers }
  const weights = llamaTensorShapes(smaller).map(({ name, dimensions }) => ({
    name,
    dimensions,
    values: decodeTensor(file, header, name),
  }))
  const identity = {
    name: 'cheap',
    description: 'A cheaper model than the one that it is sold as.',
    vocabulary: tokenizer.vocabulary,
    chatTemplate: summary.chatTemplate ?? '',
  }
  return modelFile(smaller, weights, identity, type)
}
