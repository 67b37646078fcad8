import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeShowingVllm } from '../../testing/fake-showing-vllm.ts'
import { ask, contentOf, requestOf } from '../engine-conformance.ts'
import type { EngineRequest } from '../engine.ts'
import { renderConformance } from '../render-conformance.ts'
import type { RenderOrder } from '../render-order.ts'
import type { SpecWords } from '../spec-words.ts'
import { OpenAiHttpEngine } from './openai-http.ts'

const HASH = 'a'.repeat(64)
const WORDS = { weights: { sha256: HASH }, quantization: 'bf16', backend: 'cuda' }
const model = 'shown'
const never = new AbortController().signal

const templateFile = (source: string): { readonly path: string } => {
  const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'chat_template.jinja')
  writeFileSync(path, source)
  return { path }
}
const TIMELESS = templateFile('{{ messages }}')

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function make(
  change: Partial<FakeShowingVllm> = {},
  template: SpecWords['template'] = TIMELESS,
) {
  const server = Object.assign(new FakeShowingVllm(), change)
  await server.start()
  const words = { ...WORDS, ...(template && { template }), defaults: 'vllm' }
  const engine = new OpenAiHttpEngine({ url: server.url, models: [], spec: words })
  await engine.start({ modelsChanged: () => {}, trouble: () => {} })
  open.push(engine, server)
  return { server, engine }
}

renderConformance(
  'vLLM',
  async () => {
    const { engine, server } = await make()
    // The suite closes them by itself.
    open.splice(0)
    const dispose = () => server.close()
    return { engine, model, longQuestion: 'Which one?', isReal: true, dispose }
  },
  { leavesUnclear: true, takesAnyToken: true },
)

const CHAT = { messages: [{ role: 'user', content: 'Which one?' }], temperature: 1 }
const COMPLETION = { prompt: 'Which one?', temperature: 1 }
const completes: Partial<EngineRequest> = { endpoint: 'completions' }

/** An answer, and what is rendered of it. */
async function both(
  engine: OpenAiHttpEngine,
  body: Record<string, unknown>,
  more: Partial<EngineRequest> = {},
) {
  const { run, text } = await ask(engine, model, body, more)
  const { prompt, positions } = run!.evidence!()!.transcript
  const order = orderOf(body, { output: positions.map(({ id }) => id), ...more })
  const rendering = await engine.render!(order, never)
  return { prompt, said: contentOf(text), rendering }
}

function orderOf(body: Record<string, unknown>, change: Partial<RenderOrder> = {}): RenderOrder {
  return { ...requestOf(model, body), output: [1], ...change }
}

describe('what a server renders', () => {
  it('is not believed of prompts that it reads otherwise', async () => {
    const { engine } = await make({ misreads: (ids) => [...ids, 5] })
    expect(engine.models[0]?.spec).toBeDefined()
    expect(engine.render).toBeUndefined()
  })

  it.each<[string, (text: string) => string]>([
    ['writes otherwise', (text) => `${text}!`],
    ['tidies', (text) => text.replaceAll(' ,', ',')],
  ])('leaves the text out of a server that %s', async (_, misquotes) => {
    const { engine } = await make({ misquotes })
    for (const [body, more] of [
      [CHAT, {}],
      [COMPLETION, completes],
    ] as const) {
      const { prompt, rendering } = await both(engine, body, more)
      expect(rendering).toEqual({ prompt, text: null })
    }
  })

  it('is asked of the path that a whole chat takes, tools and all; their answers are unclear', async () => {
    const { engine } = await make()
    const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }]
    const { prompt, rendering } = await both(engine, { ...CHAT, tools })
    expect(rendering).toEqual({ prompt, text: null })
  })

  it('is of an older server what it reads of a plain chat', async () => {
    const { engine } = await make({ rendersChats: false })
    const { prompt, said, rendering } = await both(engine, CHAT)
    expect(rendering).toEqual({ prompt, text: said })
    for (const field of [{ tools: [{}] }, { reasoning_effort: 'low' }, { tool_choice: 'none' }]) {
      const refused = engine.render!(orderOf({ ...CHAT, ...field }), never)
      await expect(refused).rejects.toMatchObject({ code: 'bad_request' })
    }
  })

  it.each([
    ['writes the date', templateFile("{{ strftime_now('%d %b %Y') }}")],
    ['is not here', { sha256: HASH }],
  ])('is no chat whose template %s', async (_, template) => {
    const { engine } = await make({}, template)
    const refused = engine.render!(orderOf(CHAT, { at: Date.UTC(2026, 0, 31) }), never)
    await expect(refused).rejects.toMatchObject({ code: 'bad_request' })
    const { prompt, said, rendering } = await both(engine, COMPLETION, completes)
    expect(rendering).toEqual({ prompt, text: said })
  })

  it('is a part of the spec, which flags of a server can change', async () => {
    const specOf = async (change: Partial<FakeShowingVllm>) =>
      (await make(change)).engine.models[0]?.spec
    const spec = await specOf({})
    expect(await specOf({})).toEqual(spec)
    expect((await specOf({ preamble: 'Think first.' }))?.engine).not.toBe(spec?.engine)
  })

  it('is none of a special token, unless it ended the answer', async () => {
    const { engine } = await make()
    const textOf = async (output: readonly number[]) =>
      (await engine.render!(orderOf(CHAT, { output }), never)).text
    expect(await textOf([5, 6])).toBe(' w5 w6')
    expect(await textOf([5, 6, 0])).toBe(' w5 w6')
    expect(await textOf([5, 0, 6])).toBeNull()
  })

  it('fails when the server goes away', async () => {
    const { engine, server } = await make()
    const { render } = engine
    await server.close()
    open.pop()
    await expect(render!(orderOf(CHAT), never)).rejects.toMatchObject({ code: 'engine_failed' })
  })
})
