import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const SOURCES = join(import.meta.dirname, '..')
const ROOT = join(SOURCES, '../..')
const PAGE = readFileSync(join(ROOT, 'docs/provider/security.md'), 'utf8')

interface Threat {
  readonly threat: string
  readonly stopped: string
  /** File and title of each test. */
  readonly tests: readonly (readonly [file: string, title: string])[]
}

/** The lines of the page's tables that name tests. */
const threats: readonly Threat[] = PAGE.split('\n').flatMap((line) => {
  const [, threat = '', stopped = '', tests, end] = line.split('|').map((cell) => cell.trim())
  const isHead = threat === 'threat' || /^-+$/.test(threat)
  if (!line.startsWith('|') || tests === undefined || end === undefined || isHead) return []
  const named = tests.split('<br>').map((test) => /^`([^`]+)` › (.+)$/.exec(test))
  return [{ threat, stopped, tests: named.map((one) => [one?.[1] ?? '', one?.[2] ?? ''] as const) }]
})

/** The page names files below the agent's sources, or below the repository. */
const pathOf = (file: string): string =>
  [join(SOURCES, file), join(ROOT, file)].find(existsSync) ?? ''

/** Whether a test of this title stands in a file, and is not left out. */
function hasTest(file: string, title: string): boolean {
  const path = pathOf(file)
  if (path === '') return false
  const literal = title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
  return new RegExp(`(?<!\\.(?:skip|todo|fails))\\(\\s*(['"\`])${literal}\\1,\\s`).test(
    readFileSync(path, 'utf8'),
  )
}

describe('each line of the threat model', () => {
  it('is there', () => {
    expect(threats.length).toBeGreaterThan(50)
    expect(new Set(threats.map(({ threat }) => threat)).size).toBe(threats.length)
    const before = PAGE.indexOf('## What nothing protects')
    expect(before).toBeGreaterThan(PAGE.indexOf('## What stops them'))
  })

  it.each(threats)('is stopped by something that is tested: $threat', ({ stopped, tests }) => {
    expect(stopped).not.toBe('')
    expect(tests.filter(([file, title]) => !hasTest(file, title))).toEqual([])
  })

  it('has the tests of this folder among its tests', () => {
    const named = new Set(threats.flatMap(({ tests }) => tests.map(([file]) => file)))
    const own = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'))
    const others = own.filter((name) => join(import.meta.dirname, name) !== import.meta.filename)
    expect(others.filter((name) => !named.has(`security/${name}`))).toEqual([])
  })

  it('would not pass with a test that is not there', () => {
    expect(hasTest('security/threat-table.test.ts', 'is there')).toBe(true)
    expect(hasTest('security/threat-table.test.ts', 'is not there at all')).toBe(false)
    expect(hasTest('security/no-such.test.ts', 'is there')).toBe(false)
    expect(hasTest('../../etc/passwd', 'root')).toBe(false)
  })
})
