import { z } from 'zod'
import type { EngineConnection } from '../engine-connection.ts'
import { askEngine, EngineQuestionError, parseJson } from '../engine-question.ts'
import type { SamplerDefaults, ShowingKind } from './evidence-plan.ts'
import { templateFacts, type TemplateFacts } from './template-facts.ts'

const FACTS_MS = 5_000
/** llama-server's properties with its template are some 20 KB. */
const MAX_FACTS_BYTES = 4 * 1024 * 1024

/** What a server tells of itself beside `/v1`. */
export interface ServerFacts {
  /** As a spec names it. */
  readonly engine: string
  /** Its file, as the server names it. */
  readonly modelPath: string | undefined
  readonly template: TemplateFacts | undefined
  readonly defaults: SamplerDefaults | undefined
}

const propsSchema = z.object({
  model_path: z.string().optional(),
  chat_template: z.string().optional(),
  build_info: z.string(),
  default_generation_settings: z.object({
    params: z.object({
      temperature: z.number(),
      top_k: z.int(),
      top_p: z.number(),
      min_p: z.number(),
    }),
  }),
})
const versionSchema = z.object({ version: z.string() })

/** Asks a server about itself. Never rejects: undefined where it does not say enough. */
export async function serverFacts(
  connection: EngineConnection,
  kind: ShowingKind,
  signal: AbortSignal,
): Promise<ServerFacts | undefined> {
  try {
    const { body } = await askEngine(connection, {
      path: kind === 'vllm' ? '/version' : '/props',
      isBeside: true,
      probes: true,
      silenceMs: FACTS_MS,
      maxBytes: MAX_FACTS_BYTES,
      signal,
    })
    return kind === 'vllm' ? ofVllm(parseJson(body)) : ofLlamaServer(parseJson(body))
  } catch (error) {
    if (error instanceof EngineQuestionError) return undefined
    throw error
  }
}

function ofVllm(value: unknown): ServerFacts | undefined {
  const { data } = versionSchema.safeParse(value)
  if (data === undefined) return undefined
  const engine = `vllm-${data.version}`
  return { engine, modelPath: undefined, template: undefined, defaults: undefined }
}

function ofLlamaServer(value: unknown): ServerFacts | undefined {
  const { data } = propsSchema.safeParse(value)
  if (data === undefined) return undefined
  const { temperature, top_k, top_p, min_p } = data.default_generation_settings.params
  return {
    engine: `llama.cpp-${data.build_info}`,
    modelPath: data.model_path,
    template: data.chat_template === undefined ? undefined : templateFacts(data.chat_template),
    defaults: { temperature, top_k: Math.max(0, top_k), top_p, min_p },
  }
}
