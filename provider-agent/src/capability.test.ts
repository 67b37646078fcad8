import type { Hardware } from '@infernet/schemas/hardware'
import { MAX_CAPABILITY_BYTES } from '@infernet/schemas/limits'
import { signPayout } from '@infernet/schemas/payout-statement'
import { newSigner } from '@infernet/schemas/testing/signer'
import { capabilitySchema, encodeControl } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { capabilityOf } from './capability.ts'

const price = { prompt: 1e12, completion: 1e12 }
const modelsOf = (count: number, nameLength: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: `${i}`.padEnd(nameLength, 'x'),
    contextLength: 1e8,
    capabilities: ['tools', 'json_schema', 'logprobs', 'seed'] as const,
    endpoints: ['chat.completions', 'completions'] as const,
    quantization: 'Q4_K_M',
  }))

const HARDWARE: Hardware = {
  gpus: Array.from({ length: 2 }, () => ({
    vendor: 'nvidia',
    name: 'NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition',
    vram_mib: 97_887,
    id_sha256: 'a'.repeat(64),
    compute_capability: '12.0',
    cores: 24_064,
    bandwidth_gb_s: 1792,
    driver: '580.126.09',
    power_limit_w: 300,
    pcie_gen: 5,
    pcie_width: 16,
  })),
  cpu: { name: 'A Processor', threads: 192, features: ['avx2', 'avx512', 'amx'] },
  memory_mib: 1_031_000,
  measured: Array.from({ length: 16 }, (_, i) => ({
    model: `${i}`.padEnd(128, 'x'),
    jobs: 1_000_000,
    decode_tokens_s: 123.4,
    prefill_tokens_s: 12_345.6,
  })),
}

describe('the capability record', () => {
  it.each([
    [0, 1],
    [3, 10],
    [64, 128],
    [1_000, 1],
  ])('of %i models with names of %i characters is one the edge takes', (count, nameLength) => {
    const models = modelsOf(count, nameLength)
    const to = { kind: 'lightning_address', address: `a@${'b'.repeat(60)}.example` } as const
    const payout = signPayout(newSigner(), { to }, 1)
    const terms = { role: 'verifier', price, slots: 4, payout, hardware: HARDWARE } as const
    const record = capabilityOf({ kind: 'openai-http', models }, terms)
    expect(record.role).toBe('verifier')
    expect(record.payout).toEqual(payout)
    expect(capabilitySchema.parse(record)).toEqual(record)
    expect(encodeControl(record).length).toBeLessThanOrEqual(MAX_CAPABILITY_BYTES)
    expect(record.models.length).toBeGreaterThanOrEqual(Math.min(count, 20))
    const isFull = record.models.length < Math.min(count, 64)
    expect(record.hardware).toEqual(isFull ? { ...HARDWARE, measured: undefined } : HARDWARE)
  })
})
