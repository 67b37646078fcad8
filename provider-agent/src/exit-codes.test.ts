import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { EXIT } from './exit-codes.ts'

it('the exit codes are those that the owner’s page lists', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/provider.md'), 'utf8')
  const [, table = ''] = /\| exit code \| meaning \|\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(page) ?? []
  const listed = [...table.matchAll(/^\| (\d+) \| .+ \|$/gm)].map(([, code]) => Number(code))
  expect(listed).toEqual(Object.values(EXIT))
})
