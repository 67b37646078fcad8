import { createHash } from 'node:crypto'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkGgufFile, fileSha256 } from './gguf-file.ts'
import { writeGguf, type MetadataEntry } from './gguf-writer.ts'

const METADATA: readonly MetadataEntry[] = [
  { key: 'general.architecture', type: 'string', value: 'other' },
  { key: 'other.context_length', type: 'u32', value: 4_096 },
  { key: 'tokenizer.ggml.model', type: 'string', value: 'gpt2' },
  { key: 'tokenizer.ggml.merges', type: 'strings', value: [] },
]

describe('checking a file on disk', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infernet-gguf-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('reads a header larger than its first read', async () => {
    const tokens = Array.from({ length: 150_000 }, (_, i) => `token-${i}`)
    const header = writeGguf(
      [...METADATA, { key: 'tokenizer.ggml.tokens', type: 'strings', value: tokens }],
      [],
    )
    expect(header.byteLength).toBeGreaterThan(2 ** 21)
    const path = join(folder, 'vocabulary.gguf')
    await writeFile(path, header)
    expect(await checkGgufFile(path)).toMatchObject({ vocabSize: 150_000, contextLength: 4_096 })
  })

  it('compares the data with the size of the file, not with what it read', async () => {
    const values = new Float32Array(2 ** 20)
    const tensor = { name: 't', dimensions: [values.length], type: 'F32' as const, values }
    const metadata: MetadataEntry[] = [
      ...METADATA,
      { key: 'tokenizer.ggml.tokens', type: 'strings', value: ['a'] },
    ]
    const path = join(folder, 'large.gguf')
    await writeFile(path, writeGguf(metadata, [tensor]))
    const { parameters, fileBytes } = await checkGgufFile(path)
    expect(parameters).toBe(values.length)
    await truncate(path, fileBytes - 1)
    await expect(checkGgufFile(path)).rejects.toMatchObject({ code: 'truncated' })
  })

  it('refuses an empty file', async () => {
    const path = join(folder, 'empty.gguf')
    await writeFile(path, '')
    await expect(checkGgufFile(path)).rejects.toMatchObject({ code: 'truncated' })
  })

  it('hashes a file', async () => {
    const path = join(folder, 'data')
    await writeFile(path, 'infernet')
    expect(await fileSha256(path)).toBe(createHash('sha256').update('infernet').digest('hex'))
  })
})
