import { createHash } from 'node:crypto'
import { createReadStream, type Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { parseJson } from '../engine-question.ts'
import type { SamplerDefaults } from './evidence-plan.ts'
import { tokenBytesIn } from './gguf-front.ts'
import { templateFacts, type TemplateFacts } from './template-facts.ts'
import { NEUTRAL } from './traced-request.ts'
import { isWeights, namedText, namedWeights } from './weight-file.ts'

/** What weights on this machine tell of themselves. */
export interface ModelFiles {
  /** SHA-256, hex: of the file, or of all safetensors of a folder, one behind the other in order of name. */
  readonly weights: string
  readonly quantization: string | undefined
  readonly template: TemplateFacts | undefined
  /** Undefined where it is not known, or more than these decide what is drawn. */
  readonly defaults: SamplerDefaults | undefined
  /** See {@link tokenBytesIn}. */
  readonly tokenBytes?: number | undefined
}

const configSchema = z.looseObject({
  dtype: z.string().optional(),
  torch_dtype: z.string().optional(),
  quantization_config: z.looseObject({ quant_method: z.string().optional() }).optional(),
})
const tokenizerSchema = z.looseObject({ chat_template: z.string() })
const generationSchema = z.looseObject({
  temperature: z.number().nullish(),
  top_k: z.int().nullish(),
  top_p: z.number().nullish(),
  min_p: z.number().nullish(),
  repetition_penalty: z.number().nullish(),
})

/** How files are read: those that the owner names, and those that a server does. */
interface Reading {
  readonly weights: (path: string) => AsyncIterable<Buffer>
  readonly text: (path: string) => Promise<string | undefined>
}
const OWNERS: Reading = { weights: (path) => createReadStream(path), text: readText }
const SERVERS: Reading = { weights: namedWeights, text: namedText }

/** Reads weights and remembers their hash as long as they stay the same: it takes a second for each gigabyte. */
export class ModelFileReader {
  readonly #hashes = new Map<string, string>()

  /** A weight file, or a folder as it is downloaded; undefined where nothing of it can be read here. */
  async read(path: string): Promise<ModelFiles | undefined> {
    return this.#read(path, OWNERS)
  }

  /** The same for a path that is a server's word, which may be anything: undefined where no weights are. */
  async readNamed(path: string): Promise<ModelFiles | undefined> {
    try {
      return (await isWeights(path)) ? await this.#read(path, SERVERS) : undefined
    } catch (error) {
      if (error instanceof Error && 'code' in error) return undefined
      throw error
    }
  }

  async #read(path: string, reading: Reading): Promise<ModelFiles | undefined> {
    try {
      const stats = await stat(path)
      if (!stats.isDirectory()) {
        const weights = await this.#hash([{ path, stats }], reading)
        const tokenBytes = await tokenBytesIn(reading.weights(path))
        const unknown = { quantization: undefined, template: undefined, defaults: undefined }
        return { weights, ...unknown, tokenBytes }
      }
      return await this.#readFolder(path, reading)
    } catch (error) {
      if (error instanceof Error && 'code' in error) return undefined
      throw error
    }
  }

  async #readFolder(folder: string, reading: Reading): Promise<ModelFiles | undefined> {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).toSorted()
    if (names.length === 0) return undefined
    const files = names.map(async (name) => {
      const path = join(folder, name)
      return { path, stats: await stat(path) }
    })
    return {
      weights: await this.#hash(await Promise.all(files), reading),
      quantization: quantizationOf(await readJson(join(folder, 'config.json'), reading)),
      template: await templateOf(folder, reading),
      defaults: await readDefaults(join(folder, 'generation_config.json'), NEUTRAL, reading),
    }
  }

  async #hash(
    files: readonly { readonly path: string; readonly stats: Stats }[],
    reading: Reading,
  ): Promise<string> {
    const name = files.map(({ path, stats }) => `${path}:${stats.size}:${stats.mtimeMs}`).join('\n')
    const known = this.#hashes.get(name)
    if (known !== undefined) return known
    const sha256 = createHash('sha256')
    for (const { path } of files)
      for await (const chunk of reading.weights(path)) sha256.update(chunk)
    const found = sha256.digest('hex')
    this.#hashes.set(name, found)
    return found
  }
}

function quantizationOf(config: unknown): string | undefined {
  const { data } = configSchema.safeParse(config)
  return data?.quantization_config?.quant_method ?? data?.dtype ?? data?.torch_dtype
}

async function templateOf(folder: string, reading: Reading): Promise<TemplateFacts | undefined> {
  const own = await reading.text(join(folder, 'chat_template.jinja'))
  const config = await readJson(join(folder, 'tokenizer_config.json'), reading)
  const template = own ?? tokenizerSchema.safeParse(config).data?.chat_template
  return template === undefined ? undefined : templateFacts(template)
}

/** What vLLM takes from a `generation_config.json`; `whereNone` is for a file that is not there. */
export async function readDefaults(
  path: string,
  whereNone: SamplerDefaults | undefined,
  reading = OWNERS,
): Promise<SamplerDefaults | undefined> {
  const config = await readJson(path, reading)
  if (config === undefined) return whereNone
  const { data } = generationSchema.safeParse(config)
  const penalty = data?.repetition_penalty ?? 1
  if (data === undefined || penalty !== 1) return undefined
  return {
    temperature: data.temperature ?? NEUTRAL.temperature,
    top_k: Math.max(0, data.top_k ?? NEUTRAL.top_k),
    top_p: data.top_p ?? NEUTRAL.top_p,
    min_p: data.min_p ?? NEUTRAL.min_p,
  }
}

/** Undefined for a file that cannot be read. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

const readJson = async (path: string, { text }: Reading): Promise<unknown> =>
  parseJson((await text(path)) ?? '')
