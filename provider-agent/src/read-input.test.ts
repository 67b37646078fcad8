import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { readInput } from './read-input.ts'

const file = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'input')

describe('input', () => {
  it('is a file, up to a length', async () => {
    writeFileSync(file, 'żółw')
    expect(await readInput(file, 7)).toBe('żółw')
    await expect(readInput(file, 6)).rejects.toMatchObject({ code: 'bad_input' })
    await expect(readInput(`${file}.none`, 7)).rejects.toThrow(/cannot read .*ENOENT/)
  })

  it('is standard input, also one that has nothing yet and does not block', async () => {
    const reader = `import(${JSON.stringify(import.meta.resolve('./read-input.ts'))})
      .then(({ readInput }) => readInput('-', 99)).then(console.log)`
    const child = spawn(process.execPath, ['--eval', reader])
    child.stdin.write('ż')
    setImmediate(() => child.stdin.end('ółw'))
    expect(await text(child.stdout)).toBe('żółw\n')
    await once(child, 'close')
  })
})
