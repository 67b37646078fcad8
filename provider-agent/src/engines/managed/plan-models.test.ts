import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { demoModel } from '../model-file.ts'
import type { ManagedOptions } from './managed-options.ts'
import { planModels, type Machine } from './plan-models.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2
const CPU = 'Available devices:\n  (none)\n'
const CUDA = 'Available devices:\n  CUDA0: NVIDIA (24000 MiB)\n'
const rim = { program: '/p', socket: '/s', key: 'k', env: {} }
const gpu = (freeBytes: number, totalBytes = 24 * GIB) => ({ freeBytes, totalBytes })

const demo: ManagedOptions = {
  kind: 'llama-server',
  models: [demoModel()],
  slots: 4,
  gpu: true,
  extra: [],
  checksMemory: true,
}

/** A model of 2 GiB that keeps 128 KiB a token. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'infernet-'))
  const config = {
    hidden_size: 4_096,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    max_position_embeddings: 32_768,
    vocab_size: 1_000,
  }
  writeFileSync(join(path, 'config.json'), JSON.stringify(config))
  writeFileSync(join(path, 'model.safetensors'), '')
  truncateSync(join(path, 'model.safetensors'), 2 * GIB)
  return path
}

async function argsOf(options: ManagedOptions, machine: Machine) {
  const { planned, advice } = await planModels(options, machine)
  return { advice, spec: planned[0]?.spec, args: planned[0]?.commandOf(rim).args.join(' ') ?? '' }
}

describe('planning llama-server', () => {
  it('gives each slot its context, and prompts a quarter of what is left', async () => {
    const memory = { ramBytes: GIB, gpus: [] }
    const { args, spec } = await argsOf(demo, { memory, devices: CPU })
    // 1024 is what the model was trained on.
    expect(args).toContain('--parallel 4 --ctx-size 4096')
    expect(Number(args.match(/--cache-ram (\d+)/)?.[1])).toBeCloseTo((1024 - 68) / 4, -1)
    expect(spec).toEqual({ kv: 'f16', backend: 'cpu' })
    const short = await argsOf(
      { ...demo, context: 512, extra: ['-ctk', 'q8_0'] },
      { memory, devices: CPU },
    )
    expect(short.args).toContain('--ctx-size 2048')
    expect(short.spec).toEqual({ backend: 'cpu' })
  })

  it('counts the memory of what it computes on', async () => {
    const memory = { ramBytes: 16 * MIB, gpus: [gpu(GIB)] }
    expect((await argsOf(demo, { memory, devices: CUDA })).spec?.backend).toBe('cuda')
    await expect(planModels(demo, { memory, devices: CPU })).rejects.toThrow('are free')
    await expect(planModels({ ...demo, gpu: false }, { memory, devices: CUDA })).rejects.toThrow(
      'are free',
    )
    // A GPU that nobody can ask for its memory.
    const vulkan = {
      memory: { ramBytes: 1, gpus: [] },
      devices: 'Available devices:\n  Vulkan0: x\n',
    }
    expect((await argsOf(demo, vulkan)).args).not.toContain('--cache-ram')
  })

  it('plans a model into what the ones before it leave', async () => {
    const models = [demoModel(), { ...demoModel(), id: 'again' }]
    const memory = { ramBytes: 100 * MIB, gpus: [] }
    await expect(planModels({ ...demo, models }, { memory, devices: CPU })).rejects.toThrow(
      /^again/,
    )
    expect((await planModels(demo, { memory, devices: CPU })).planned).toHaveLength(1)
  })
})

describe('planning vLLM', () => {
  const vllm: ManagedOptions = { ...demo, kind: 'vllm', models: [{ id: 'm', path: folder() }] }
  const on = (...gpus: Machine['memory']['gpus'][number][]) => ({
    memory: { ramBytes: 64 * GIB, gpus },
    devices: '',
  })

  it('takes of each GPU what is free, and leaves the context to the model', async () => {
    const free = await argsOf(vllm, on(gpu(24 * GIB)))
    expect(free.args).toContain('--gpu-memory-utilization 0.9')
    expect(free.args).not.toContain('--max-model-len')
    expect(free.spec).toEqual({ kv: 'auto', backend: 'cuda' })
    const shared = await argsOf(vllm, on(gpu(18 * GIB), gpu(1)))
    expect(shared.args).toContain('--gpu-memory-utilization 0.73')
    const said = await argsOf({ ...vllm, gpuShare: 0.5 }, on(gpu(24 * GIB)))
    expect(said.args).toContain('--gpu-memory-utilization 0.5')
    expect((await argsOf(vllm, on())).args).not.toContain('--gpu-memory-utilization')
  })

  it('needs room for one answer of the whole context', async () => {
    const small = on(gpu(6 * GIB, 6 * GIB))
    // 5.4 GiB, less weights of 2 and buffers of 0.4, for tokens of 128 KiB.
    await expect(planModels(vllm, small)).rejects.toThrow(/--context 2\d{4} would fit/)
    const twice = on(gpu(6 * GIB, 6 * GIB), gpu(6 * GIB, 6 * GIB))
    await expect(planModels(vllm, twice)).rejects.toThrow('would fit')
    expect((await planModels({ ...vllm, extra: ['-tp=2'] }, twice)).planned).toHaveLength(1)
  })
})
