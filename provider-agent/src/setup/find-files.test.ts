import { cpSync, mkdirSync, mkdtempSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { demoModel } from '../engines/model-file.ts'
import { findFiles } from './find-files.ts'
import { usualFolders } from './model-folders.ts'

const NEVER = new AbortController().signal

describe('findFiles', () => {
  let home: string
  const put = (...path: string[]): string => {
    const file = join(home, ...path)
    mkdirSync(join(file, '..'), { recursive: true })
    cpSync(demoModel().path, file)
    return file
  }
  const found = async () =>
    (await findFiles(usualFolders({}, home, join(home, 'here')), NEVER)).map(({ id }) => id)

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'infernet-'))
  })

  it('finds models where people and programs keep them, each once', async () => {
    put('here', 'near by.gguf')
    const kept = put('models', 'a', 'b', 'kept.gguf')
    put('.lmstudio', 'models', 'p', 'r', 'studio.GGUF')
    const blob = put('.cache', 'huggingface', 'hub', 'models--p--r', 'blobs', 'abc')
    const snapshot = join(blob, '..', '..', 'snapshots', 'rev')
    mkdirSync(snapshot, { recursive: true })
    symlinkSync(blob, join(snapshot, 'hub.gguf'))
    mkdirSync(join(home, '.cache', 'llama.cpp'))
    symlinkSync(kept, join(home, '.cache', 'llama.cpp', 'again.gguf'))
    expect(await found()).toEqual(['near-by', 'kept', 'studio', 'hub'])
  })

  it('leaves out what is no model, is cut short, lies too deep, or leads out by a link', async () => {
    mkdirSync(join(home, 'models'), { recursive: true })
    writeFileSync(join(home, 'models', 'text.gguf'), 'hello')
    truncateSync(put('models', 'short.gguf'), 10_000)
    put('models', 'mmproj-eyes.gguf')
    put('models', 'big-00002-of-00002.gguf')
    put('models', '1', '2', '3', 'deep.gguf')
    put('elsewhere', 'linked.gguf')
    symlinkSync(join(home, 'elsewhere'), join(home, 'models', 'link'))
    symlinkSync('/dev/zero', join(home, 'models', 'endless.gguf'))
    expect(await found()).toEqual([])
  })

  it('looks at nothing any more once it is stopped', async () => {
    put('models', 'm.gguf')
    expect(
      await findFiles([{ path: join(home, 'models'), depth: 1 }], AbortSignal.abort()),
    ).toEqual([])
  })
})
