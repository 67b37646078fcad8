import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fitOf, type ModelFacts } from '../engines/managed/memory-fit.ts'
import { optionsOfChoice } from './chosen-options.ts'
import type { Found, FoundServer } from './found.ts'
import { choicesFrom, type Choice } from './proposal.ts'

const GB = 1e9
const NOTHING: Found = {
  servers: [],
  files: [],
  runners: [],
  hasLlamaCpp: true,
  memoryBytes: 16 * GB,
}

const facts = (weightBytes: number): ModelFacts => ({
  weightBytes,
  contextLength: 32_768,
  width: 2_048,
  vocabSize: 32_000,
  layers: Array.from({ length: 24 }, () => ({ key: 512, value: 512 })),
})
const file = (id: string, weightBytes: number) => ({
  id,
  path: `/models/${id}.gguf`,
  facts: facts(weightBytes),
})
const server = (name: string, more: Partial<FoundServer> = {}): FoundServer => ({
  name,
  url: 'http://127.0.0.1:8000',
  kind: 'vllm',
  isLoaded: true,
  models: [{ name: 'a' }],
  ...more,
})
const cpu = { engine: 'llama-cpp', memory: { ramBytes: 16 * GB }, isFast: false } as const
const gpu = {
  engine: 'llama-server',
  program: '/bin/llama-server',
  memory: { ramBytes: 16 * GB, vramBytes: 12 * GB },
  isFast: true,
} as const

/** What a choice is, in a word. */
function nameOf(choice: Choice): string {
  if (choice.kind === 'server') return choice.server.name
  return choice.kind === 'file' ? choice.file.id : choice.engine
}
const namesFrom = (found: Partial<Found>): string[] =>
  choicesFrom({ ...NOTHING, ...found }).map(nameOf)

describe('what is proposed', () => {
  it('is the demo model where nothing is found, by what is there to run it', () => {
    expect(namesFrom({})).toEqual(['llama-cpp'])
    expect(namesFrom({ hasLlamaCpp: false })).toEqual(['tiny'])
  })

  it('is what runs already, before files; what can be audited first', () => {
    const ollama = server('Ollama', { kind: 'openai', isLoaded: false })
    const servers = [ollama, server('llama-server', { kind: 'llama-server' }), server('vLLM')]
    const found = { servers, files: [file('f', 4 * GB)], runners: [gpu] }
    expect(namesFrom(found)).toEqual(['vLLM', 'llama-server', 'Ollama', 'f', 'llama-cpp'])
  })

  it('is the largest file that fits, on a GPU where there is one', () => {
    const files = [file('small', 1 * GB), file('large', 9 * GB), file('huge', 40 * GB)]
    const [first] = choicesFrom({ ...NOTHING, files, runners: [gpu, cpu] })
    expect(nameOf(first)).toBe('large')
    expect(optionsOfChoice(first)).toMatchObject({
      manage: 'llama-server',
      'engine-program': '/bin/llama-server',
      model: ['large=/models/large.gguf'],
    })
    expect(namesFrom({ files, runners: [gpu, cpu] })).not.toContain('huge')
  })

  it('is no large file where it would be slow, but for want of another', () => {
    const files = [file('small', 1 * GB), file('large', 9 * GB)]
    expect(namesFrom({ files, runners: [cpu] })).toEqual(['small', 'large', 'llama-cpp'])
    expect(namesFrom({ files: files.slice(1), runners: [cpu] })[0]).toBe('large')
  })

  it('is one model of a server that loads what is asked for: the largest that fits', () => {
    const models = [
      { name: 'small', bytes: GB },
      { name: 'large', bytes: 9 * GB },
      { name: 'huge', bytes: 90 * GB },
    ]
    const ollama = server('Ollama', { kind: 'openai', isLoaded: false, models })
    const [first] = choicesFrom({ ...NOTHING, servers: [ollama] })
    expect(optionsOfChoice(first)).toEqual({ 'engine-url': ollama.url, model: ['large'] })
    // More may be fetched, and is then not offered unasked.
    const sole = { ...ollama, models: models.slice(0, 1) }
    const [only] = choicesFrom({ ...NOTHING, servers: [sole] })
    expect(optionsOfChoice(only)).toEqual({ 'engine-url': ollama.url, model: ['small'] })
  })

  it('names no models of a server that has all of them loaded, and leaves out what has no good name', () => {
    const [all] = choicesFrom({ ...NOTHING, servers: [server('vLLM')] })
    expect(optionsOfChoice(all)).toEqual({ 'engine-url': 'http://127.0.0.1:8000' })
    const [sure] = choicesFrom({ ...NOTHING, servers: [server('vLLM', { backend: 'cuda' })] })
    expect(optionsOfChoice(sure)).toMatchObject({ 'spec-backend': 'cuda' })
    const models = [{ name: 'a b' }, { name: 'x=y' }, { name: 'good' }]
    const [some] = choicesFrom({ ...NOTHING, servers: [server('vLLM', { models })] })
    expect(optionsOfChoice(some)).toMatchObject({ model: ['good'] })
  })

  const bytes = fc.integer({ min: 1, max: 200 }).map((tenths) => tenths * 0.5 * GB)
  const anyFound = fc.record({
    servers: fc.array(
      fc.record({
        name: fc.constantFrom('vLLM', 'Ollama'),
        url: fc.constant('http://127.0.0.1:1'),
        kind: fc.constantFrom('vllm' as const, 'openai' as const),
        isLoaded: fc.boolean(),
        models: fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'ü', ''), bytes }), {
          maxLength: 6,
        }),
      }),
      { maxLength: 3 },
    ),
    files: fc.uniqueArray(
      fc.tuple(fc.constantFrom('f', 'g', 'h'), bytes).map(([id, size]) => file(id, size)),
      { selector: ({ id }) => id, maxLength: 3 },
    ),
    runners: fc.subarray([gpu, cpu]),
    hasLlamaCpp: fc.boolean(),
    memoryBytes: bytes,
  })

  it('always fits, has no model twice, and ends with the demo model', () => {
    fc.assert(
      fc.property(anyFound, (found) => {
        const choices = choicesFrom(found)
        expect(choices.filter(({ kind }) => kind === 'demo')).toEqual([choices.at(-1)])
        for (const choice of choices) {
          if (choice.kind === 'file') {
            const { context, slots } = choice.plan
            const plan = { context, slots, kvTypes: { key: 'f16', value: 'f16' } }
            expect(fitOf(choice.file.facts, plan, choice.runner.memory).where).not.toBe('nowhere')
          }
          if (choice.kind !== 'server') continue
          const names = choice.models.map(({ name }) => name)
          expect(new Set(names).size).toBe(names.length)
          expect(names.length).toBeGreaterThan(0)
          for (const model of choice.models)
            expect(model.bytes).toBeLessThanOrEqual(found.memoryBytes)
        }
      }),
    )
  })
})
