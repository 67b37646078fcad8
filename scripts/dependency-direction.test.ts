import { describe, expect, it } from 'vitest'
import { violations } from './dependency-direction.ts'

const declared = new Map([
  ['schemas', new Set<string>()],
  ['edge', new Set(['@infernet/schemas', '@infernet/provider-agent'])],
  ['provider-agent', new Set<string>()],
])
const check = (path: string, text: string) => violations([{ path, text }], declared)

describe('violations', () => {
  it('lets a workspace import itself, what stands above it, and packages', () => {
    const text = `
      import type { Msat } from '@infernet/schemas/money'
      export { a } from "../b.ts"
      import './c.ts'
      const zod = await import('zod')`
    expect(check('edge/src/routes/x.ts', text)).toEqual([])
  })

  it.each([
    ['schemas/src/x.ts', `import { a } from '@infernet/edge/a'`, 'schemas may not know edge'],
    ['edge/src/x.ts', `import('@infernet/provider-agent/a')`, 'edge may not know provider-agent'],
    ['edge/src/x.ts', `export * from '../../schemas/src/a.ts'`, 'leaves its workspace'],
    ['provider-agent/src/x.ts', `import type { A } from '@infernet/schemas/a'`, 'is not declared'],
  ])('refuses in %s: %s', (path, text, fault) => {
    expect(check(path, text)).toEqual([expect.stringContaining(fault)])
  })

  it('wants a row for every workspace', () => {
    expect(() => check('console/src/x.ts', `import '@infernet/schemas/a'`)).toThrow(
      "'console' has no row",
    )
  })
})
