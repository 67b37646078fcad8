import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_GRAMMAR } from './grammar/default-grammar.ts'
import { checkGrammar, expand, type PromptGrammar } from './grammar/prompt-grammar.ts'
import { nextPrompt, type PromptMessage } from './prompt-source.ts'
import { seeded } from './testing/seeded.ts'
import { traffic } from './testing/traffic.ts'

const keyOf = (prompt: readonly PromptMessage[]): string => JSON.stringify(prompt)
const charsOf = (prompt: readonly PromptMessage[]): number =>
  prompt.reduce((sum, { content }) => sum + content.length, 0)
const anything = { random: seeded(1), isUsed: () => false }

describe('prompts', () => {
  it('are never equal, tens of thousands of a seed', () => {
    const random = seeded(11)
    const used = new Set<string>()
    const isUsed = (prompt: readonly PromptMessage[]) => used.has(keyOf(prompt))
    for (let i = 0; i < 20_000; i++) {
      const form = { promptChars: 20 + (i % 150), messages: 1, hasSystem: false }
      used.add(keyOf(nextPrompt(form, { random, isUsed })))
    }
    expect(used.size).toBe(20_000)
  })

  it('repeat by themselves next to never, though short', () => {
    const random = seeded(12)
    const form = { promptChars: 60, messages: 1, hasSystem: false }
    const prompts = Array.from({ length: 5000 }, () =>
      keyOf(nextPrompt(form, { ...anything, random })),
    )
    expect(new Set(prompts).size).toBeGreaterThan(4950)
  })

  it('are as their seed', () => {
    const [shape] = traffic(1, seeded(13))
    if (shape === undefined) throw new Error('one request')
    const made = [1, 2].map(() => nextPrompt(shape, { ...anything, random: seeded(14) }))
    expect(made[0]).toEqual(made[1])
  })

  it('are as long as asked to within a word, where there is room', () => {
    const form = fc.record({
      promptChars: fc.integer({ min: 1500, max: 20_000 }),
      messages: fc.integer({ min: 1, max: 9 }),
      hasSystem: fc.boolean(),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(form, ({ seed, ...form }) => {
        const off =
          charsOf(nextPrompt(form, { ...anything, random: seeded(seed) })) - form.promptChars
        expect(Math.abs(off)).toBeLessThan(60)
      }),
    )
  })

  it('have the system first and the user last, with turns between', () => {
    const rolesOf = (messages: number, hasSystem: boolean) =>
      nextPrompt({ promptChars: 900, messages, hasSystem }, anything)
        .map(({ role }) => role.charAt(0))
        .join('')
    expect(rolesOf(1, false)).toBe('u')
    expect(rolesOf(4, true)).toBe('suau')
    expect(rolesOf(3, true)).toBe('sau')
    expect(rolesOf(1, true)).toBe('su')
  })

  it('say so when the grammar has no more', () => {
    expect(() =>
      nextPrompt(
        { promptChars: 50, messages: 1, hasSystem: false },
        { ...anything, isUsed: () => true },
      ),
    ).toThrow(expect.objectContaining({ name: 'CanaryError', code: 'prompts_exhausted' }))
  })
})

describe('a grammar', () => {
  const withRules = (rules: PromptGrammar['rules']): PromptGrammar => ({
    rules: { ...DEFAULT_GRAMMAR.rules, ...rules },
  })

  it('of ours is complete', () => {
    expect(() => checkGrammar(DEFAULT_GRAMMAR)).not.toThrow()
    const random = seeded(15)
    for (let i = 0; i < 2000; i++)
      expect(expand(DEFAULT_GRAMMAR, 'task', random)).not.toMatch(/[{}]/)
  })

  it('can be an operator’s own', () => {
    const grammar = withRules({ short: ['our {own} words'], own: ['very own'] })
    checkGrammar(grammar)
    const [message] = nextPrompt(
      { promptChars: 18, messages: 1, hasSystem: false },
      { ...anything, grammar },
    )
    expect(message?.content.toLowerCase()).toBe('our very own words')
  })

  it('must define what it names, and end', () => {
    const broken = [
      { task: ['{nothing}'] },
      { task: [] },
      { task: ['a {loop}'], loop: ['b {loop}', 'c'] },
    ]
    for (const rules of broken)
      expect(() => checkGrammar(withRules(rules))).toThrow(
        expect.objectContaining({ code: 'bad_grammar' }),
      )
    expect(() => expand(withRules({ task: ['{nothing}'] }), 'task', seeded(1))).toThrow('nothing')
  })
})
