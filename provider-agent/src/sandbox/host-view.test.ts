import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { modelReads, programReads, shownPaths } from './host-view.ts'

let root: string
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'infernet-')))
})
/** Writes a file, and gives its path. */
function file(name: string, text = ''): string {
  const path = join(root, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

describe('what is shown of a program', () => {
  it('is itself and the libraries beside it, and nothing else of its folder', () => {
    const program = file('tools/llama-server')
    const library = file('tools/libggml.so.0')
    file('tools/my-wallet.txt')
    expect(programReads(program)).toEqual([program, library])
  })

  it('is, in bin, the libraries next to that too', () => {
    const program = file('llama/bin/llama-server')
    file('llama/lib/libggml.so')
    expect(programReads(program)).toEqual([program, join(root, 'llama/lib')])
  })

  it('is an environment of Python as a whole, and the Python it was made with', () => {
    const program = file('venv/bin/vllm')
    file('python/bin/python3')
    file('venv/pyvenv.cfg', `home = ${root}/python/bin\nversion = 3.12\n`)
    expect(programReads(program)).toEqual([join(root, 'venv'), join(root, 'python')])
  })
})

describe('what is shown of a model', () => {
  it('is its file, or all parts of a split one', () => {
    const alone = file('m/a.gguf')
    expect(modelReads(alone)).toEqual([alone])
    const parts = [1, 2].map((n) => file(`m/b-0000${n}-of-00002.gguf`))
    file('m/b-00001-of-00003.gguf')
    expect(modelReads(parts[0] ?? '').toSorted()).toEqual(parts)
  })

  it('is what a link leads to as well', () => {
    const blob = file('blobs/1f')
    mkdirSync(join(root, 'snapshots'))
    const link = join(root, 'snapshots/model.safetensors')
    symlinkSync('../blobs/1f', link)
    expect(modelReads(join(root, 'snapshots'))).toEqual([join(root, 'snapshots'), blob])
    expect(modelReads(link)).toEqual([link, blob])
    symlinkSync('../blobs/gone', join(root, 'snapshots/gone'))
    expect(() => modelReads(join(root, 'snapshots'))).toThrow('link to nothing')
  })

  it('is the cache of Hugging Face as it is laid out', () => {
    const blob = file('models--a--b/blobs/1f')
    const folder = join(root, 'models--a--b/snapshots/c0ffee')
    mkdirSync(folder, { recursive: true })
    symlinkSync('../../blobs/1f', join(folder, 'model.safetensors'))
    expect(modelReads(folder)).toEqual([folder, blob])
  })

  it('is no file of its owner, whatever a link among it leads to', () => {
    const secret = file('home/.ssh/id_ed25519')
    const whole = file('downloaded/config.json')
    const folder = dirname(whole)
    for (const to of [secret, dirname(secret), '../home/.ssh/id_ed25519', '/']) {
      const link = join(folder, 'weights.safetensors')
      symlinkSync(to, link)
      expect(() => modelReads(folder), to).toThrow('leads out of the model')
      rmSync(link)
    }
    symlinkSync('config.json', join(folder, 'also.json'))
    expect(modelReads(folder)).toEqual([folder, whole])
  })

  it('is of a split model no part that is a link to a file of its owner', () => {
    const secret = file('home/wallet')
    const first = file('split/m-00001-of-00002.gguf')
    const second = join(root, 'split/m-00002-of-00002.gguf')
    symlinkSync(secret, second)
    expect(() => modelReads(first)).toThrow('leads out of the model')
    // What the owner shows may be led to.
    expect(modelReads(first, [secret]).toSorted()).toEqual([secret, first, second].toSorted())
    rmSync(second)
    symlinkSync(file('store/2'), second)
    symlinkSync(file('store/1'), join(root, 'linked-00001-of-00002.gguf'))
    symlinkSync(file('store/2'), join(root, 'linked-00002-of-00002.gguf'))
    // All parts are where the one that the owner has named leads to.
    expect(modelReads(join(root, 'linked-00001-of-00002.gguf'))).toHaveLength(4)
  })
})

describe('shownPaths', () => {
  it('shows each once, and nothing that is shown already', () => {
    const paths = [file('a/b'), join(root, 'a'), join(root, 'a'), '/usr/bin/env']
    expect(shownPaths(paths, ['/usr'], [])).toEqual([join(root, 'a')])
  })

  it('refuses what is not there, and what a secret is in, behind links too', () => {
    const key = file('home/agent/key.pem')
    const model = file('home/models/m.gguf')
    symlinkSync(join(root, 'home'), join(root, 'link'))
    expect(shownPaths([model], [], [key, join(root, 'home')])).toEqual([model])
    for (const path of [
      key,
      join(root, 'home'),
      join(root, 'home/agent'),
      join(root, 'link'),
      '/etc',
      '/',
    ]) {
      expect(() => shownPaths([path], [], [key]), path).toThrow('folders of their own')
    }
    expect(() => shownPaths([join(root, 'gone')], [], [])).toThrow('not there')
  })
})
