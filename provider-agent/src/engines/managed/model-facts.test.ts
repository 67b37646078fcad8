import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeGguf, type MetadataEntry } from '@infernet/models/gguf-writer'
import { describe, expect, it } from 'vitest'
import type { CommandRunner } from '../../hardware/command-runner.ts'
import { EngineStartError } from '../engine.ts'
import { demoModel } from '../model-file.ts'
import { folderFacts } from './folder-facts.ts'
import { freeMemory } from './free-memory.ts'
import { ggufFacts } from './gguf-facts.ts'

const newFolder = () => mkdtempSync(join(tmpdir(), 'infernet-'))
const u32 = (key: string, value: number): MetadataEntry => ({ key, type: 'u32', value })
const text = (key: string, value: string): MetadataEntry => ({ key, type: 'string', value })

/** A file of so many layers with 4 heads of 8, and what else its metadata say. */
function gguf(architecture: string, layers: number, more: readonly MetadataEntry[] = []): string {
  const of = (key: string) => `${architecture}.${key}`
  const file = join(newFolder(), 'm.gguf')
  const metadata = [
    text('general.architecture', architecture),
    u32(of('context_length'), 4_096),
    u32(of('embedding_length'), 32),
    u32(of('block_count'), layers),
    u32(of('attention.head_count'), 4),
    ...more.map((entry) => ({ ...entry, key: of(entry.key) })),
  ]
  writeFileSync(file, writeGguf(metadata, []))
  return file
}

const layersOf = async (file: string) => (await ggufFacts(file))?.layers

describe('what a GGUF file needs memory for', () => {
  it('is its weights and what its layers keep', async () => {
    const layer = { key: 64, value: 64 }
    expect(await ggufFacts(demoModel().path)).toEqual({
      weightBytes: 905_920,
      contextLength: 1_024,
      width: 128,
      vocabSize: 1_024,
      layers: [layer, layer, layer, layer],
    })
  })

  it('is more than one number for all layers, where they differ', async () => {
    const heads = { key: 'attention.head_count_kv', type: 'i32s', value: [0, 2, 4] } as const
    expect(await layersOf(gguf('hybrid', 3, [heads]))).toEqual([
      { key: 16, value: 16 },
      { key: 32, value: 32 },
    ])
    const window = u32('attention.sliding_window', 512)
    const far = { key: 32, value: 32 }
    const near = { ...far, window: 512 }
    expect(await layersOf(gguf('gemma2', 3, [window]))).toEqual([near, far, near])
    const every = u32('attention.sliding_window_pattern', 3)
    expect(await layersOf(gguf('other', 3, [window, every]))).toEqual([near, near, far])
    // Where nobody says which layers look back only so far, all may look back at everything.
    expect(await layersOf(gguf('other', 1, [window]))).toEqual([far])
    const latent = [u32('attention.kv_lora_rank', 512), u32('rope.dimension_count', 64)]
    expect(await layersOf(gguf('deepseek2', 1, latent))).toEqual([{ key: 576, value: 0 }])
    const wide = [u32('attention.key_length', 16), u32('attention.value_length', 12)]
    expect(await layersOf(gguf('other', 1, wide))).toEqual([{ key: 64, value: 48 }])
  })

  it('is all parts of a file that is split', async () => {
    const folder = newFolder()
    const bytes = writeGguf([text('general.architecture', 'x')], [])
    const part = (n: number) => join(folder, `m-0000${n}-of-00002.gguf`)
    writeFileSync(part(1), bytes)
    await expect(ggufFacts(part(1))).rejects.toThrow('00002-of-00002.gguf')
    writeFileSync(part(2), bytes)
    // Without a context length we do not understand it, and the server may.
    expect(await ggufFacts(part(1))).toBeUndefined()
  })

  it('is nothing for what is no model', async () => {
    const file = gguf('x', 1)
    truncateSync(file, 40)
    await expect(ggufFacts(file)).rejects.toThrow('fetch it again')
    writeFileSync(file, 'PK\u0003\u0004 something else')
    await expect(ggufFacts(file)).rejects.toThrow(`${file} is not a model that can be loaded`)
  })
})

describe('what a folder needs memory for', () => {
  const config = {
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 2_048,
    vocab_size: 100,
  }
  function folderOf(value: unknown, weights = true): string {
    const folder = newFolder()
    writeFileSync(join(folder, 'config.json'), JSON.stringify(value))
    if (weights) writeFileSync(join(folder, 'model-00001-of-00001.safetensors'), '12345')
    return folder
  }

  it('is read from its config, also where text is only a part of it', async () => {
    const layer = { key: 32, value: 32 }
    const facts = {
      weightBytes: 5,
      contextLength: 2_048,
      width: 64,
      vocabSize: 100,
      layers: [layer, layer],
    }
    expect(await folderFacts(folderOf(config))).toEqual(facts)
    expect(await folderFacts(folderOf({ text_config: config }))).toEqual(facts)
  })

  it('knows layers that keep less', async () => {
    const layer_types = ['sliding_attention', 'linear_attention']
    const mixed = await folderFacts(folderOf({ ...config, layer_types, sliding_window: 128 }))
    expect(mixed?.layers).toEqual([{ key: 32, value: 32, window: 128 }])
    const latent = { ...config, num_hidden_layers: 1, kv_lora_rank: 512, qk_rope_head_dim: 64 }
    expect((await folderFacts(folderOf(latent)))?.layers).toEqual([{ key: 576, value: 0 }])
  })

  it('is not known for another kind of config, and nothing for what is no model', async () => {
    expect(await folderFacts(folderOf({ n_embd: 1 }))).toBeUndefined()
    await expect(folderFacts(folderOf(config, false))).rejects.toThrow('has no weights')
    await expect(folderFacts(newFolder())).rejects.toThrow('Download the model first')
  })

  it.each<[string, (file: string) => void]>([
    ['endless', (file) => symlinkSync('/dev/zero', file)],
    ['a pipe that nobody writes to', (file) => void spawnSync('mkfifo', [file])],
    ['a folder', (file) => mkdirSync(file)],
    ['larger than any', (file) => writeFileSync(file, ' '.repeat(1024 * 1024 + 1))],
  ])('reads no config that is %s', async (_, make) => {
    const folder = newFolder()
    make(join(folder, 'config.json'))
    const refused =
      /config\.json cannot be read: it is (not a file|longer than 1048576 bytes)\. Download/
    await expect(folderFacts(folder)).rejects.toThrow(refused)
    await expect(folderFacts(folder)).rejects.toThrow(EngineStartError)
  })

  it('reads a config of the largest size, and one that is a link, as downloads make them', async () => {
    const folder = folderOf(config)
    const file = join(folder, 'config.json')
    const text = JSON.stringify(config)
    writeFileSync(file, text.padEnd(1024 * 1024))
    expect(await folderFacts(folder)).toMatchObject({ vocabSize: 100 })
    renameSync(file, join(folder, 'blob'))
    symlinkSync('blob', file)
    expect(await folderFacts(folder)).toMatchObject({ vocabSize: 100 })
  })
})

const saying =
  (stdout: string): CommandRunner =>
  async () => ({ code: 0, stdout, stderr: '' })

it('reads what nvidia-smi says, and nothing from what it says without a GPU', async () => {
  const MIB = 1024 * 1024
  const gpusIn = async (text: string) => (await freeMemory(saying(text))).gpus
  expect(await gpusIn('80559, 81559\n 10, 20\n')).toEqual([
    { freeBytes: 80_559 * MIB, totalBytes: 81_559 * MIB },
    { freeBytes: 10 * MIB, totalBytes: 20 * MIB },
  ])
  expect(await gpusIn("NVIDIA-SMI has failed because it couldn't communicate")).toEqual([])
  expect(await gpusIn('[N/A], [N/A]')).toEqual([])
})

it('knows the free memory on Node 20.12 too, which does not tell it within limits', async () => {
  const own = Object.getOwnPropertyDescriptor(process, 'availableMemory')!
  Object.defineProperty(process, 'availableMemory', { ...own, value: undefined })
  try {
    expect((await freeMemory(saying(''))).ramBytes).toBeGreaterThan(0)
  } finally {
    Object.defineProperty(process, 'availableMemory', own)
  }
})
