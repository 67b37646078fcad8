import { describe, expect, it } from 'vitest'
import { demoModel } from '../engines/model-file.ts'
import type { AgentFile } from '../setup/agent-file.ts'
import type { Found } from '../setup/found.ts'
import { engineAnswer } from './setup-engine.ts'
import type { Asking } from './setup-answers.ts'

const URL = 'http://127.0.0.1:8000'
const small = {
  id: 'small',
  path: '/small.gguf',
  facts: { weightBytes: 1e9, contextLength: 4_096, width: 64, vocabSize: 1_000, layers: [] },
}
const found: Found = {
  servers: [
    {
      name: 'vLLM',
      url: URL,
      kind: 'vllm',
      isLoaded: true,
      models: [{ name: 'a' }, { name: 'b' }],
    },
  ],
  files: [small],
  runners: [
    { engine: 'llama-server', program: '/ls', memory: { ramBytes: 8e9 }, isFast: false },
    { engine: 'llama-cpp', memory: { ramBytes: 8e9 }, isFast: false },
  ],
  hasLlamaCpp: true,
  memoryBytes: 8e9,
}

/** What is taken of these options without a question. */
function answer(start: AgentFile, said: readonly string[] = Object.keys(start)) {
  const to = { line: () => {}, spin: () => {} }
  const { signal } = new AbortController()
  const asking: Asking = { start, said: new Set(said), questions: undefined, to, signal }
  return engineAnswer(asking, found)
}

describe('what is to answer', () => {
  it('is the best that was found, with what was said beside', async () => {
    expect(await answer({ edge: 'https://e', slots: 3 })).toEqual({ 'engine-url': URL, slots: 3 })
  })

  it('is what the last setup has chosen', async () => {
    const before = { 'engine-url': 'http://127.0.0.1:9', model: ['m'] }
    expect(await answer(before, [])).toEqual(before)
    expect(await answer({ engine: 'tiny' }, [])).toEqual({ engine: 'tiny' })
  })

  it('is the server that has the models which are named', async () => {
    const model = ['b', 'mine=a']
    expect(await answer({ model })).toEqual({ 'engine-url': URL, model })
  })

  it('is the best that runs a file which is named, under its name', async () => {
    const model = [`mine=${demoModel().path}`]
    const expected = { manage: 'llama-server', 'engine-program': '/ls', context: 1_024, model }
    expect(await answer({ model })).toEqual(expected)
  })

  it('is left to run where nothing here could', async () => {
    const model = ['/no/such.gguf']
    expect(await answer({ model })).toEqual({ model })
  })

  it('is the best file for a server that is to be started', async () => {
    const model = ['small=/small.gguf']
    const manage = { manage: 'llama-server' }
    expect(await answer(manage)).toMatchObject({ ...manage, model, 'engine-program': '/ls' })
    expect(await answer({ manage: 'vllm' })).toEqual({ manage: 'vllm' })
  })
})
