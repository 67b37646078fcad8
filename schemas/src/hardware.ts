import { z } from 'zod'
import {
  MAX_ANNOUNCED_GPUS,
  MAX_DRIVER_LENGTH,
  MAX_HARDWARE_NAME_LENGTH,
  MAX_MEASURED_MODELS,
  MAX_MIG_INSTANCES,
  MAX_MODEL_NAME_LENGTH,
} from './limits.ts'

/**
 * What a provider says of its machine. Nobody has checked it, except `measured`, which its agent has
 * seen. What the agent could not find out is absent.
 */
const name = z.string().min(1).max(MAX_HARDWARE_NAME_LENGTH)
/** Up to 16 TiB. */
const mib = z
  .int()
  .positive()
  .max(2 ** 24)
const perSecond = z.number().positive().max(1e7)

export const gpuSchema = z.object({
  vendor: z.enum(['nvidia', 'amd', 'apple']),
  /** As its driver writes it. */
  name,
  vram_mib: mib.optional(),
  /** It shares the machine's memory, of which `vram_mib` is a part or all. */
  unified: z.boolean().optional(),
  /** SHA-256, hex, of a salt and what its driver calls it: the same card says the same under every key. */
  id_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** NVIDIA: such as 8.9. */
  compute_capability: z
    .string()
    .regex(/^\d{1,2}\.\d{1,2}$/)
    .optional(),
  /** CUDA cores; Apple: GPU cores. */
  cores: z.int().positive().max(1e6).optional(),
  /** Of its memory, 10⁹ bytes a second, as its maker says. */
  bandwidth_gb_s: z.int().positive().max(1e6).optional(),
  driver: z.string().min(1).max(MAX_DRIVER_LENGTH).optional(),
  power_limit_w: z.int().positive().max(10_000).optional(),
  pcie_gen: z.int().positive().max(16).optional(),
  pcie_width: z.int().positive().max(64).optional(),
  /** NVIDIA: the instances that it is cut into, such as 1g.10gb. */
  mig: z
    .array(z.string().regex(/^[0-9a-z.+-]{1,24}$/))
    .max(MAX_MIG_INSTANCES)
    .optional(),
})
export type Gpu = z.infer<typeof gpuSchema>

export const CPU_FEATURES = ['avx2', 'avx512', 'amx', 'sve'] as const

export const cpuSchema = z.object({
  name: name.optional(),
  /** That the agent may use at once. */
  threads: z.int().positive().max(65_536),
  features: z.array(z.enum(CPU_FEATURES)).max(CPU_FEATURES.length),
})
export type Cpu = z.infer<typeof cpuSchema>

/** How fast the answers to single jobs have been lately, while others may have run beside them. */
export const measuredSpeedSchema = z.object({
  model: z.string().min(1).max(MAX_MODEL_NAME_LENGTH),
  /** Jobs that it is measured by. */
  jobs: z.int().positive(),
  /** Tokens of an answer a second, after the first. */
  decode_tokens_s: perSecond.optional(),
  /** Tokens of a prompt a second until the first of the answer, waits included. */
  prefill_tokens_s: perSecond.optional(),
})
export type MeasuredSpeed = z.infer<typeof measuredSpeedSchema>

export const hardwareSchema = z.object({
  gpus: z.array(gpuSchema).max(MAX_ANNOUNCED_GPUS),
  cpu: cpuSchema.optional(),
  /** Main memory that the agent may use. */
  memory_mib: mib.optional(),
  measured: z.array(measuredSpeedSchema).max(MAX_MEASURED_MODELS).optional(),
})
export type Hardware = z.infer<typeof hardwareSchema>
