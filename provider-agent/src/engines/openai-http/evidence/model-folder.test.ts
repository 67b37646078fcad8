import { hash } from 'node:crypto'
import { mkdtempSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ModelFileReader } from './model-folder.ts'

const sha256 = (text: string): string => hash('sha256', text)

function folderWith(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(
      join(folder, name),
      typeof content === 'string' ? content : JSON.stringify(content),
    )
  }
  return folder
}

const WEIGHTS = { 'model-2.safetensors': 'two', 'model-1.safetensors': 'one' }

describe('weights on this machine', () => {
  const read = (path: string) => new ModelFileReader().read(path)

  it('are a folder’s safetensors one behind the other, with what stands beside them', async () => {
    const folder = folderWith({
      ...WEIGHTS,
      'config.json': { dtype: 'bfloat16', quantization_config: { quant_method: 'fp8' } },
      'tokenizer_config.json': { chat_template: 'old' },
      'chat_template.jinja': 'new',
      'generation_config.json': { temperature: 0.6, top_k: 20, top_p: 0.95 },
    })
    expect(await read(folder)).toEqual({
      weights: sha256('onetwo'),
      quantization: 'fp8',
      template: { sha256: sha256('new'), isTimeless: true },
      defaults: { temperature: 0.6, top_k: 20, top_p: 0.95, min_p: 0 },
    })
  })

  it('may say less', async () => {
    const config = { torch_dtype: 'float16' }
    const tokenizer = { chat_template: 'old' }
    const files = { ...WEIGHTS, 'config.json': config, 'tokenizer_config.json': tokenizer }
    expect(await read(folderWith(files))).toMatchObject({
      quantization: 'float16',
      template: { sha256: sha256('old'), isTimeless: true },
      defaults: { temperature: 1, top_k: 0, top_p: 1, min_p: 0 },
    })
    const bare = await read(folderWith(WEIGHTS))
    expect(bare).toMatchObject({ quantization: undefined, template: undefined })
  })

  it('have no settings that are known where a penalty is among them', async () => {
    const settings = { 'generation_config.json': { repetition_penalty: 1.05 } }
    expect((await read(folderWith({ ...WEIGHTS, ...settings })))?.defaults).toBeUndefined()
  })

  it('may be one file, or not be there', async () => {
    const folder = folderWith({ 'model.gguf': 'gguf' })
    expect((await read(join(folder, 'model.gguf')))?.weights).toBe(sha256('gguf'))
    expect(await read(folder)).toBeUndefined()
    expect(await read(join(folder, 'no'))).toBeUndefined()
  })

  it('are read again when they have changed, and only then', async () => {
    const folder = folderWith({ 'model.gguf': 'aaaa' })
    const path = join(folder, 'model.gguf')
    const reader = new ModelFileReader()
    const at = new Date(1_700_000_000_000)
    utimesSync(path, at, at)
    const weights = async () => (await reader.read(path))?.weights
    expect(await weights()).toBe(sha256('aaaa'))
    writeFileSync(path, 'bbbb')
    utimesSync(path, at, at)
    expect(await weights()).toBe(sha256('aaaa'))
    utimesSync(path, at, new Date(1_700_000_001_000))
    expect(await weights()).toBe(sha256('bbbb'))
  })
})
