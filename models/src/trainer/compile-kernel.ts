import { readFileSync } from 'node:fs'
import { main } from 'assemblyscript/asc'

const OPTIONS = ['-O3', '--noAssert', '--enable', 'simd', '--runtime', 'stub']

/**
 * Compiles the AssemblyScript sources beside this file (`*.as`, so that TypeScript leaves them
 * alone) to one WebAssembly module that exports a memory of `pages` times 64 KiB. Takes a second.
 */
export async function compileKernel(pages: number): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array | undefined
  const memory = ['--initialMemory', String(pages)]
  const { error, stderr } = await main(['kernel.ts', '-o', 'kernel.wasm', ...memory, ...OPTIONS], {
    readFile: (name) => {
      const source = /^(kernel|gemm|elementwise)\.ts$/.exec(name)?.[1]
      return source ? readFileSync(new URL(`${source}.as`, import.meta.url), 'utf8') : null
    },
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') binary = contents
    },
    listFiles: () => [],
  })
  if (error || !binary)
    throw new Error(`the kernel does not compile: ${stderr.toString()}`, { cause: error })
  return new Uint8Array(binary)
}
