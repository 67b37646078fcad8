import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoModel } from '../../model-file.ts'
import { describe, expect, it } from 'vitest'
import { ModelFileReader } from './model-folder.ts'
import { isWeights, namedWeights } from './weight-file.ts'

const SAFETENSORS = Buffer.from('\u0002\0\0\0\0\0\0\0{}weights')

function folderWith(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

describe('what a server names as its weights', () => {
  it('is read where it is a model', async () => {
    const folder = folderWith({ 'a.safetensors': SAFETENSORS, 'config.json': '{"dtype":"bf16"}' })
    mkdirSync(join(folder, 'original.json'))
    symlinkSync('/no/such/file', join(folder, 'gone.json'))
    expect(await isWeights(demoModel().path)).toBe(true)
    // A folder in a setting's place is not.
    expect(await isWeights(folder)).toBe(false)
    const whole = folderWith({ 'a.safetensors': SAFETENSORS, 'config.json': '{"dtype":"bf16"}' })
    symlinkSync('/no/such/file', join(whole, 'gone.json'))
    expect(await new ModelFileReader().readNamed(whole)).toMatchObject({ quantization: 'bf16' })
  })

  it('is not read where it is any other file of ours', async () => {
    const folder = folderWith({ 'key.pem': '-----BEGIN PRIVATE KEY-----', empty: '' })
    const reader = new ModelFileReader()
    for (const path of [join(folder, 'key.pem'), join(folder, 'empty'), '/dev/zero', '/no', folder])
      expect(await reader.readNamed(path)).toBeUndefined()
    const bait = folderWith({ 'a.safetensors': SAFETENSORS })
    symlinkSync(join(folder, 'key.pem'), join(bait, 'b.safetensors'))
    expect(await reader.readNamed(bait)).toBeUndefined()
    const endless = folderWith({ 'a.safetensors': SAFETENSORS })
    symlinkSync('/dev/zero', join(endless, 'config.json'))
    expect(await reader.readNamed(endless)).toBeUndefined()
  })

  it('is not read where another file of ours is in its template’s place', async () => {
    const folder = folderWith({ 'key.pem': '-----BEGIN PRIVATE KEY-----' })
    const bait = folderWith({ 'a.safetensors': SAFETENSORS })
    symlinkSync(join(folder, 'key.pem'), join(bait, 'chat_template.jinja'))
    expect(await new ModelFileReader().readNamed(bait)).toBeUndefined()
    const whole = { 'a.safetensors': SAFETENSORS, 'chat_template.jinja': '{{ messages }}' }
    expect(await new ModelFileReader().readNamed(folderWith(whole))).toMatchObject({
      template: { isTimeless: true },
    })
  })

  it('is looked at again in the file that is read', async () => {
    const folder = folderWith({
      'key.pem': '-----BEGIN PRIVATE KEY-----',
      'a.gguf': 'GGUF weights',
    })
    const read = async (name: string) => {
      const chunks: Buffer[] = []
      for await (const chunk of namedWeights(join(folder, name))) chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    }
    expect(await read('a.gguf')).toBe('GGUF weights')
    await expect(read('key.pem')).rejects.toThrow('no weights')
  })

  it('lets nobody wait for a pipe', async () => {
    for (const name of ['a.safetensors', 'config.json']) {
      const folder = folderWith({ 'b.safetensors': SAFETENSORS })
      execFileSync('mkfifo', [join(folder, name)])
      expect(await new ModelFileReader().readNamed(folder)).toBeUndefined()
    }
  })
})
