import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isBuilt, Ollama, ollamaBinary, type OllamaModel } from '../../testing/ollama.ts'
import { ask, contentOf, engineConformance } from '../engine-conformance.ts'
import { demoModel } from '../model-file.ts'
import { OpenAiHttpEngine } from './openai-http.ts'

const model = 'infernet-demo:latest'
const longQuestion = 'What is Infernet?'
const question = { messages: [{ role: 'user', content: longQuestion }] }

/** The demo model's own template, in Go's words: what the assistant has begun stays open. */
const TEMPLATE = `{{- range $i, $m := .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}{{ if or (ne .Role "assistant") (lt $i (len (slice $.Messages 1))) }}<|im_end|>
{{ end }}{{ end }}{{ if ne (index .Messages (len (slice .Messages 1))).Role "assistant" }}<|im_start|>assistant
{{ end }}`
const CHATS: OllamaModel = {
  name: 'infernet-demo',
  path: demoModel().path,
  template: TEMPLATE,
  // Two threads for each processor of a busy machine wait for each other.
  parameters: { num_thread: 1 },
}
const COMPLETES: OllamaModel = { ...CHATS, name: 'infernet-raw', template: '{{ .Prompt }}' }

/** Takes its server with it when it is closed. */
class ServedEngine extends OpenAiHttpEngine {
  readonly server: Ollama

  constructor(server: Ollama, names: readonly string[] = []) {
    const models = names.map((name) => ({ id: name, engineName: `${name}:latest` }))
    super({ url: server.url, models, probeMs: { up: 50, down: 50 } })
    this.server = server
  }

  override async close(): Promise<void> {
    await super.close()
    await this.server.stop()
  }
}

async function started(models: readonly OllamaModel[] = [CHATS], names?: readonly string[]) {
  const server = await Ollama.start()
  for (const made of models) await server.create(made)
  const engine = new ServedEngine(server, names)
  const troubles: string[] = []
  const trouble = (message: string): void => void troubles.push(message)
  await engine.start({ modelsChanged: () => {}, trouble })
  return { engine, server, troubles }
}

const subjectOf = async () => ({
  ...(await started()),
  model,
  longQuestion,
  isReal: true,
  readsLastSpace: true,
  dropsBeginnings: true,
})

describe.skipIf(!isBuilt(ollamaBinary()))(
  'with a real Ollama (needs it: node scripts/bootstrap.mjs ollama)',
  () => {
    engineConformance('Ollama', subjectOf)

    describe('Ollama', () => {
      let subject: Awaited<ReturnType<typeof started>>
      const loaded = async (): Promise<unknown> =>
        ((await (await fetch(`${subject.server.url}/api/ps`)).json()) as { models: unknown[] })
          .models
      beforeAll(async () => {
        subject = await started([CHATS, COMPLETES], ['infernet-demo', 'infernet-raw'])
      })
      afterAll(() => subject.engine.close())

      it('is offered with what it does: chats by a template, and completions without one', () => {
        expect(subject.troubles).toEqual([])
        expect(subject.engine.models).toMatchObject([
          {
            id: 'infernet-demo',
            contextLength: 1024,
            endpoints: ['chat.completions'],
            capabilities: ['json_schema', 'logprobs', 'seed'],
          },
          { id: 'infernet-raw', contextLength: 1024, endpoints: ['completions'] },
        ])
      })

      it('goes on with a prompt as it is', async () => {
        const body = { prompt: 'Infernet is', max_tokens: 8 }
        const completes = { endpoint: 'completions' } as const
        const { text, run } = await ask(subject.engine, 'infernet-raw', body, completes)
        const whole = await ask(subject.engine, 'infernet-raw', body, {
          ...completes,
          stream: false,
        })
        expect(contentOf(text)).not.toBe('')
        expect(JSON.parse(whole.text)).toMatchObject({ choices: [{ text: contentOf(text) }] })
        expect(run?.usage()).toEqual({ prompt_tokens: 2, completion_tokens: 8 })
      })

      it('keeps to a schema, and a bad one is the client’s own fault', async () => {
        const asked = (schema: object) =>
          ask(subject.engine, 'infernet-demo', {
            ...question,
            response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
          })
        const properties = { a: { type: 'boolean' } }
        const good = { type: 'object', properties, required: ['a'], additionalProperties: false }
        const { text } = await asked(good)
        expect(JSON.parse(contentOf(text))).toEqual({ a: expect.any(Boolean) })
        expect((await asked({ type: 'nonsense' })).error).toMatchObject({
          fault: 'request',
          status: 400,
        })
      })

      it('stops where it is told, and shows how likely its words were', async () => {
        const body = { ...question, stop: [' that'], logprobs: true, top_logprobs: 2 }
        const { text, finishReason } = await ask(subject.engine, 'infernet-demo', body)
        expect(contentOf(text)).toBe('Infernet is an OpenAI-compatible inference API')
        expect(finishReason).toBe('stop')
        expect(text.match(/"top_logprobs":\[/g)?.length).toBeGreaterThan(5)
      })

      it('answers after its model was taken out of memory', async () => {
        await subject.server.post('/api/generate', { model: 'infernet-demo', keep_alive: 0 })
        await subject.server.post('/api/generate', { model: 'infernet-raw', keep_alive: 0 })
        await expect.poll(loaded).toEqual([])
        const { text } = await ask(subject.engine, 'infernet-demo', question)
        expect(contentOf(text)).toMatch(/^Infernet is/)
      })

      it('is asked anew when another model was put under the name', async () => {
        // Its clock counts seconds.
        await new Promise((resolve) => setTimeout(resolve, 1_100))
        await subject.server.create({ ...COMPLETES, name: 'infernet-demo' })
        await expect
          .poll(() => subject.engine.models[0]?.endpoints, { timeout: 20_000 })
          .toEqual(['completions'])
      })
    })

    it('without a model says how to get one, and offers it when it is there', async () => {
      const { engine, server, troubles } = await started([])
      expect(engine.models).toEqual([])
      expect(troubles).toEqual(['Ollama has no model: ollama pull NAME'])
      await server.create(CHATS)
      await expect
        .poll(() => engine.models, { timeout: 20_000 })
        .toMatchObject([{ id: model, contextLength: 1024 }])
      await engine.close()
    })
  },
)
