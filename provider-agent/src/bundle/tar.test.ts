import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { tarOf } from './tar.ts'

describe('tarOf', () => {
  it('is read by tar, whatever the sizes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
    const sizes = [0, 1, 511, 512, 513, 70_000]
    const files = sizes.map((size) => ({
      name: `bundle/${size}.bin`,
      bytes: Buffer.alloc(size, 7),
    }))
    const at = Date.UTC(2026, 10, 26)
    writeFileSync(join(folder, 'a.tar.gz'), gzipSync(tarOf(files, at)))
    execFileSync('tar', ['-xzf', 'a.tar.gz'], { cwd: folder })
    expect(readdirSync(join(folder, 'bundle')).length).toBe(sizes.length)
    for (const { name, bytes } of files) {
      expect(readFileSync(join(folder, name)).equals(bytes)).toBe(true)
      expect(statSync(join(folder, name)).mtimeMs).toBe(at)
    }
  })

  it('refuses a name that does not fit', () => {
    expect(() => tarOf([{ name: 'x'.repeat(101), bytes: Buffer.of() }], 0)).toThrow(RangeError)
  })
})
