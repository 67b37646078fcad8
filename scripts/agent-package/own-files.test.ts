import { describe, expect, it } from 'vitest'
import { moveOwnFiles, OwnFileError } from './own-files.ts'

describe('files that code finds beside itself', () => {
  it('finds programs and data from the folder of the bundle', () => {
    const source = [
      "const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))",
      "const W = new URL(\n  '../weights/a.gguf',\n  import.meta.url,\n)",
    ].join('\n')
    expect(moveOwnFiles('/tree/src/llama-cpp/process.ts', source)).toEqual({
      text: [
        "const CHILD = fileURLToPath(new URL('llama-cpp-child.js', import.meta.url))",
        "const W = new URL('a.gguf', import.meta.url)",
      ].join('\n'),
      files: [
        { path: '/tree/src/llama-cpp/child.ts', name: 'llama-cpp-child.js' },
        { path: '/tree/src/weights/a.gguf', name: 'a.gguf' },
      ],
      packages: [],
    })
  })

  it('finds the folder of a package', () => {
    const source = "createRequire(import.meta.url).resolve('@scope/api/package.json')"
    expect(moveOwnFiles('/tree/a.ts', source)).toMatchObject({
      text: "createRequire(import.meta.url).resolve('./api/package.json')",
      packages: ['@scope/api'],
    })
  })

  it('leaves other code as it is', () => {
    const source = "const a = new URL('b', base) // importmeta"
    expect(moveOwnFiles('/tree/a.ts', source)).toEqual({ text: source, files: [], packages: [] })
  })

  it.each([
    "join(import.meta.dirname, 'x')",
    "import.meta.resolve('x')",
    'if (import.meta.main) f()',
  ])('refuses %s, which would only fail on the owner’s machine', (source) =>
    expect(() => moveOwnFiles('/tree/a.ts', source)).toThrow(OwnFileError),
  )
})
