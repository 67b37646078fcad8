import { modelSpecSchema } from '@infernet/schemas/model-spec'
import { z } from 'zod'
import { EngineStartError } from './engine.ts'

/** A file, or its SHA-256 in hex. */
export type FileOrHash = { readonly path: string } | { readonly sha256: string }

/** What the owner says of the model behind a server, where the server does not. */
export interface SpecWords {
  /** A file, or a folder with safetensors. */
  readonly weights?: FileOrHash
  readonly template?: FileOrHash
  readonly quantization?: string
  readonly kv?: string
  readonly backend?: string
  /** A `generation_config.json`, or `vllm` for vLLM's own settings. */
  readonly defaults?: string
}

/** As they stand on the command line. */
export interface SpecFlags {
  readonly specWeights?: string
  readonly specTemplate?: string
  readonly specQuantization?: string
  readonly specKv?: string
  readonly specBackend?: string
  readonly specDefaults?: string
}

/** In hex. */
export const isSha256 = (text: string): boolean => /^[0-9a-f]{64}$/i.test(text)

const fileOrHash = z
  .string()
  .min(1)
  .transform((text): FileOrHash =>
    isSha256(text) ? { sha256: text.toLowerCase() } : { path: text },
  )
const { quantization, kv, backend } = modelSpecSchema.shape
const flagsSchema = z.object({
  specWeights: fileOrHash.optional(),
  specTemplate: fileOrHash.optional(),
  specQuantization: quantization.optional(),
  specKv: kv.optional(),
  specBackend: backend.optional(),
  specDefaults: z.string().min(1).optional(),
})

/** Reads the `--spec-*` flags. Throws {@link EngineStartError} that names the one that is wrong. */
export function readSpecFlags(flags: SpecFlags): SpecWords {
  const read = flagsSchema.safeParse(flags)
  if (!read.success) {
    const name = String(read.error.issues[0]?.path[0]).replace(
      /[A-Z]/g,
      (c) => `-${c.toLowerCase()}`,
    )
    throw new EngineStartError(
      `--${name} takes one word of letters, digits and _ . + -, such as fp8, f16 or cuda`,
    )
  }
  const words = {
    weights: read.data.specWeights,
    template: read.data.specTemplate,
    quantization: read.data.specQuantization,
    kv: read.data.specKv,
    backend: read.data.specBackend,
    defaults: read.data.specDefaults,
  }
  return Object.fromEntries(Object.entries(words).filter(([, word]) => word !== undefined))
}
