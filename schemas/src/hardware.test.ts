import { describe, expect, it } from 'vitest'
import { hardwareSchema, type Gpu, type Hardware } from './hardware.ts'
import { MAX_ANNOUNCED_GPUS, MAX_CAPABILITY_BYTES, MAX_MODEL_NAME_LENGTH } from './limits.ts'

const gpu: Gpu = { vendor: 'nvidia', name: 'NVIDIA H100 80GB HBM3' }
const largest: Gpu = {
  ...gpu,
  name: 'x'.repeat(64),
  vram_mib: 196_608,
  unified: true,
  id_sha256: 'f'.repeat(64),
  compute_capability: '12.0',
  cores: 24_064,
  bandwidth_gb_s: 8000,
  driver: '580.126.09',
  power_limit_w: 1000,
  pcie_gen: 6,
  pcie_width: 16,
}
const parse = (said: unknown) => hardwareSchema.safeParse(said)

describe('hardware', () => {
  it('leaves a record room for models, with as many GPUs as there may be', () => {
    const gpus = Array.from({ length: MAX_ANNOUNCED_GPUS }, () => largest)
    const hardware: Hardware = {
      gpus,
      cpu: { name: 'x'.repeat(64), threads: 512, features: ['avx2', 'avx512', 'amx'] },
      memory_mib: 4_000_000,
    }
    expect(parse(hardware).success).toBe(true)
    expect(JSON.stringify(hardware).length).toBeLessThan(MAX_CAPABILITY_BYTES / 2)
    expect(parse({ gpus: [...gpus, largest] }).success).toBe(false)
  })

  it('is whole without what could not be found out', () => {
    expect(parse({ gpus: [] })).toMatchObject({ success: true, data: { gpus: [] } })
    expect(parse({ gpus: [gpu] }).success).toBe(true)
  })

  it.each<[string, unknown]>([
    ['no list of GPUs', {}],
    ['a card of nobody', { gpus: [{ ...gpu, vendor: 'other' }] }],
    ['no name', { gpus: [{ ...gpu, name: '' }] }],
    ['a long name', { gpus: [{ ...gpu, name: 'x'.repeat(97) }] }],
    ['less than no memory', { gpus: [{ ...gpu, vram_mib: -1 }] }],
    ['half a MiB', { gpus: [{ ...gpu, vram_mib: 0.5 }] }],
    ['a UUID as it is', { gpus: [{ ...gpu, id_sha256: 'GPU-95cc7f07-d13b-4d8f' }] }],
    ['eight instances', { gpus: [{ ...gpu, mig: Array.from({ length: 8 }, () => '1g.5gb') }] }],
    ['a speed of nothing', { gpus: [], measured: [{ model: 'm', jobs: 0 }] }],
    [
      'a long model',
      { gpus: [], measured: [{ model: 'm'.repeat(MAX_MODEL_NAME_LENGTH + 1), jobs: 1 }] },
    ],
    ['a speed beyond all', { gpus: [], measured: [{ model: 'm', jobs: 1, decode_tokens_s: 1e9 }] }],
  ])('is not %s', (_, said) => {
    expect(parse(said).success).toBe(false)
  })
})
