import { CAPABILITIES, ENDPOINTS, modelOfferSchema } from '@infernet/schemas/wire'
import { z } from 'zod'
import { EngineStartError, type EngineModel } from './engine.ts'

/** What the owner says about all models, in place of what the engine or its agent found out. */
export type OfferOverrides = Partial<
  Pick<EngineModel, 'capabilities' | 'endpoints' | 'quantization'>
>

export class OfferFlagError extends Error {
  override readonly name = 'OfferFlagError'
  readonly code = 'bad_offer_flag'
}

/** A comma-separated list of known names; an empty one where `least` is 0. */
const listOf = <T extends string>(names: readonly [T, ...T[]], least: number) =>
  z
    .string()
    .transform((text) => [...new Set(text.split(',').map((name) => name.trim()))])
    .transform((words) => words.filter((name) => name !== ''))
    .pipe(
      z
        .array(z.enum(names, { error: ({ input }) => `there is no '${String(input)}'` }))
        .min(least, 'name at least one'),
    )

const flagsSchema = z.object({
  capabilities: listOf(CAPABILITIES, 0).optional(),
  endpoints: listOf(ENDPOINTS, 1).optional(),
  quantization: z
    .string()
    .refine((text) => modelOfferSchema.shape.quantization.safeParse(text).success, 'not a word')
    .optional(),
  dataCollection: z.enum(['allow', 'deny'], 'say allow or deny').default('deny'),
})

const HELP = {
  capabilities: `--capabilities (INFERNET_CAPABILITIES) takes any of ${CAPABILITIES.join(',')}`,
  endpoints: `--endpoints (INFERNET_ENDPOINTS) takes any of ${ENDPOINTS.join(',')}`,
  quantization:
    '--quantization (INFERNET_QUANTIZATION) takes a word such as fp16, fp8, int4 or Q4_K_M',
  dataCollection: '--data-collection (INFERNET_DATA_COLLECTION) takes allow or deny',
} as const

/**
 * Reads the flags that say what is offered, as text from the command line or the environment.
 * Throws {@link OfferFlagError} that names the flag and what it takes.
 */
export function readOfferFlags(flags: {
  readonly capabilities?: string
  readonly endpoints?: string
  readonly quantization?: string
  readonly dataCollection?: string
}): { readonly overrides: OfferOverrides; readonly dataCollection: 'allow' | 'deny' } {
  const read = flagsSchema.safeParse(flags)
  if (!read.success) {
    const [issue] = read.error.issues
    const flag = Object.keys(HELP).find((name) => name === issue?.path[0]) as keyof typeof HELP
    throw new OfferFlagError(`${issue?.message}: ${HELP[flag]}`)
  }
  const { dataCollection, capabilities, endpoints, quantization } = read.data
  return {
    dataCollection,
    overrides: {
      ...(capabilities === undefined ? {} : { capabilities }),
      ...(endpoints === undefined ? {} : { endpoints }),
      ...(quantization === undefined ? {} : { quantization }),
    },
  }
}

/**
 * An embedded engine's model as its owner wants it offered: less than it can, never more. Throws
 * `EngineStartError` for what it cannot do.
 */
export function restrictModel<T extends EngineModel>(model: T, overrides: OfferOverrides): T {
  const { capabilities = [], endpoints = [] } = overrides
  const lacking = [
    ...capabilities.filter((name) => !model.capabilities.includes(name)),
    ...endpoints.filter((name) => !model.endpoints.includes(name)),
  ]
  if (lacking.length === 0) return { ...model, ...overrides }
  const can = [...model.endpoints, ...model.capabilities].join(', ')
  throw new EngineStartError(
    `${model.id} cannot do ${lacking.join(', ')}; with this engine it can: ${can}`,
  )
}
