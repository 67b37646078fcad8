import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LicenceError, licencesOf, packagesIn } from './licences.ts'

/** A tree with one package in it. */
function treeWith(manifest: object, files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'infernet-'))
  const folder = join(root, 'node_modules', 'a')
  mkdirSync(folder, { recursive: true })
  const all = { 'package.json': JSON.stringify(manifest), ...files }
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text)
  return root
}

describe('the licences of others', () => {
  it('are those of the packages whose code is in the bundle, each once', () => {
    const input = (bytesInOutput: number) => ({ bytesInOutput })
    const inputs = {
      'x/src/own.ts': input(9),
      'node_modules/b/one.js': input(9),
      'node_modules/b/two.js': input(9),
      'node_modules/shaken/off.js': input(0),
      'x/node_modules/@scope/a/index.js': input(9),
    }
    const output = { bytes: 0, imports: [], exports: [], inputs }
    const metafile = { inputs: {}, outputs: { 'lib/main.js': output } }
    expect(packagesIn(metafile)).toEqual(['node_modules/b', 'x/node_modules/@scope/a'])
  })

  it('come with their text, or at least with their author', () => {
    const manifest = { name: 'a', version: '1.2.3', license: 'MIT', author: { name: 'Ada' } }
    const whole = treeWith(manifest, { 'LICENSE.md': 'You may.' })
    expect(licencesOf(whole, ['node_modules/a'])).toContain('## a 1.2.3\n\nMIT\n\n```\nYou may.\n')
    expect(licencesOf(treeWith(manifest), ['node_modules/a'])).toContain('By Ada;')
  })

  it.each([{ license: 'GPL-3.0' }, {}])('stop the build for %j', (licence) => {
    const root = treeWith({ name: 'a', version: '1.0.0', ...licence })
    expect(() => licencesOf(root, ['node_modules/a'])).toThrow(LicenceError)
  })
})
