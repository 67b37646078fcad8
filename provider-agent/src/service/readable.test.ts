import { describe, expect, it } from 'vitest'
import { obstacleTo } from './readable.ts'

const modes = (files: Readonly<Record<string, number>>) => (path: string) => {
  const mode = files[path]
  return mode === undefined ? undefined : { isFolder: !path.includes('.'), mode }
}

describe('obstacleTo', () => {
  const open = { '/srv': 0o755, '/srv/a': 0o751, '/srv/a/m.gguf': 0o644 }

  it.each([
    ['nothing', open, '/srv/a/m.gguf', undefined],
    [
      'a file of its owner',
      { ...open, '/srv/a/m.gguf': 0o640 },
      '/srv/a/m.gguf',
      'chmod o+r /srv/a/m.gguf',
    ],
    ['a folder above', { ...open, '/srv/a': 0o750 }, '/srv/a/m.gguf', 'chmod o+x /srv/a'],
    ['a folder that is not to be listed', open, '/srv/a', 'chmod o+rx /srv/a'],
    [
      'a path that a shell would cut',
      { ...open, '/srv/a b.gguf': 0o600 },
      '/srv/a b.gguf',
      "chmod o+r '/srv/a b.gguf'",
    ],
  ])('finds %s', (_, files, path, remedy) => {
    expect(obstacleTo(path, modes(files))?.remedy).toBe(remedy)
  })

  it('knows nothing to type for what is not there', () => {
    const absent = obstacleTo('/srv/b.gguf', modes(open))
    expect(absent).toEqual({ path: '/srv/b.gguf', remedy: undefined })
  })

  it('does not mind closed folders above what systemd shows by itself', () => {
    const files = { '/home': 0o755, '/home/me': 0o700, '/home/me/m.gguf': 0o644 }
    expect(obstacleTo('/home/me/m.gguf', modes(files))).toBeUndefined()
  })
})
