import type { SamplerSettings } from '@infernet/verification/sampler-settings'
import type { EngineSpec } from './engine-messages.ts'

/** How the promised engine draws. */
export type Family = 'llama-cpp' | 'vllm-gumbel'
export const FAMILIES = ['llama-cpp', 'vllm-gumbel'] as const satisfies readonly Family[]

/** llama-server's defaults, as our engine has them. */
export const SETTINGS: Omit<SamplerSettings, 'seed'> = {
  temperature: 0.8,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
}

export const PROMPT_TOKENS = 48

/** Deviation of the noise on a verifier's logits, nats: none but llama.cpp's own, and as between two kinds of GPU. */
export const NOISES = [0, 0.03, 0.06] as const
export type Noise = (typeof NOISES)[number]
/** The one that goals are judged at: 98 % of honest tokens match, as is reported across GPUs (arXiv 2511.20621). */
export const JUDGED_NOISE: Noise = 0.03

/** A spec with one key-value cache at half precision, under a load of eight requests. */
export const specOf = (path: string): EngineSpec => ({ path, kv: 'F16', slots: 8, batchSize: 512 })
