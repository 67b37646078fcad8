import { claimedAnswer } from '@infernet/verification/replay/claimed-answer'
import { replayExcess } from '@infernet/verification/replay/replay'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isBuilt, LlamaServer, llamaServerBinary } from '../../testing/llama-server.ts'
import { capabilityConformance } from '../capability-conformance.ts'
import { ask, contentOf, engineConformance, requestOf } from '../engine-conformance.ts'
import { evidenceConformance } from '../evidence-conformance.ts'
import { demoModel, type ModelFile } from '../model-file.ts'
import { renderConformance } from '../render-conformance.ts'
import { scoreConformance } from '../score-conformance.ts'
import { OpenAiHttpEngine } from './openai-http.ts'

const model = 'infernet-demo'
const longQuestion = 'What is Infernet?'
const spec = { backend: 'cpu' }

const TOOL = {
  type: 'function',
  function: { name: 'get_weather', parameters: { type: 'object', properties: {} } },
}

/** Takes its server with it when it is closed. */
class ServedEngine extends OpenAiHttpEngine {
  readonly #server: LlamaServer

  constructor(server: LlamaServer) {
    super({ url: server.url, models: [], spec })
    this.#server = server
  }

  override async close(): Promise<void> {
    await super.close()
    await this.#server.stop()
  }
}

async function started(file: ModelFile = demoModel()) {
  const engine = new ServedEngine(await LlamaServer.start(file.path, file.id))
  const troubles: string[] = []
  const trouble = (message: string): void => void troubles.push(message)
  await engine.start({ modelsChanged: () => {}, trouble })
  return { engine, model, longQuestion, isReal: true, troubles }
}

describe.skipIf(!isBuilt(llamaServerBinary()))(
  'with a real llama-server (needs it: node scripts/bootstrap.mjs llama-server)',
  () => {
    engineConformance('llama-server', async () => ({ ...(await started()), readsLastSpace: true }))
    capabilityConformance('llama-server', () => started(), [
      'tools',
      'json_schema',
      'logprobs',
      'seed',
      'choices',
      'continue',
    ])
    evidenceConformance('llama-server', () => started(), { ending: 'counted' })
    scoreConformance('llama-server', started)
    renderConformance('llama-server', started, { leavesUnclear: true, alwaysGoesOn: true })

    describe('llama-server', () => {
      let subject: Awaited<ReturnType<typeof started>>
      beforeAll(async () => {
        subject = await started()
      })
      afterAll(() => subject.engine.close())
      const asked = async (body: Record<string, unknown>, more = {}) => {
        const { run, text, error } = await ask(subject.engine, model, body, more)
        expect(error).toBeUndefined()
        return { text, evidence: run?.evidence?.(), usage: run?.usage() }
      }
      const WILD = { prompt: 'q', temperature: 2, top_k: 20, top_p: 1, min_p: 0, max_tokens: 40 }

      it('tells what it is, and draws by a rule that is known', () => {
        expect(subject.troubles).toEqual([])
        expect(subject.engine.models[0]?.capabilities).toContain('tools')
        expect(subject.engine.models[0]?.spec).toMatchObject({
          quantization: 'Q8_0',
          kv: 'f16',
          engine: expect.stringMatching(/^llama\.cpp-b/),
          backend: 'cpu',
        })
      })

      it.each([
        ['a whole chat', { messages: [{ role: 'user', content: longQuestion }] }, {}],
        ['a whole completion', WILD, { endpoint: 'completions' as const }],
      ])('shows %s, with the token that ended it', async (_, body, more) => {
        const { evidence, usage } = await asked(
          { temperature: 1, ...body },
          { stream: false, ...more },
        )
        const { prompt, positions } = evidence?.transcript ?? { prompt: [], positions: [] }
        expect(prompt).toHaveLength(usage?.prompt_tokens ?? 0)
        expect(positions).toHaveLength(usage?.completion_tokens ?? 0)
        const excess = replayExcess(claimedAnswer(evidence!, evidence!.transcript))
        expect(Math.max(...excess)).toBeLessThan(1e-3)
      })

      it.each([
        [{ tools: [TOOL] }, { stream: false }],
        [{ response_format: { type: 'json_object' }, max_tokens: 8 }, {}],
        [{ frequency_penalty: 0.5 }, {}],
      ])('claims no draws where more decides: %j', async (body, more) => {
        const messages = [{ role: 'user', content: longQuestion }]
        const { evidence } = await asked({ messages, temperature: 1, ...body }, more)
        expect(evidence?.replay ?? 'none').toBe('none')
      })

      it('gives a client the logprobs that it asks for, and claims all the same', async () => {
        const messages = [{ role: 'user', content: longQuestion }]
        const body = { messages, temperature: 1, max_tokens: 3, logprobs: true, top_logprobs: 2 }
        const { evidence, text } = await asked(body)
        const lists = [...text.matchAll(/"top_logprobs":(\[.*?\}\])/g)].map(
          ([, list]) => (JSON.parse(list ?? '[]') as unknown[]).length,
        )
        expect(lists).toEqual([2, 2, 2])
        expect(evidence?.transcript.positions.map(({ top }) => top.length)).toEqual([20, 20, 20])
        expect(text).not.toContain('"predicted_n":1,')
      })

      const rendered = (body: Record<string, unknown>, output: readonly number[], more = {}) => {
        const order = { ...requestOf(model, body, more), output }
        return subject.engine.render!(order, new AbortController().signal)
      }

      it('renders prompts with tools, and leaves their texts out', async () => {
        const messages = [{ role: 'user', content: longQuestion }]
        const body = { messages, tools: [TOOL], temperature: 1 }
        const { evidence } = await asked(body, { stream: false })
        const { prompt, positions } = evidence!.transcript
        const output = positions.map(({ id }) => id)
        expect(await rendered(body, output)).toEqual({ prompt, text: null })
        expect((await rendered({ messages }, output)).prompt).not.toEqual(prompt)
      })

      it('leaves the text out that begins with what it was given', async () => {
        const messages = [
          { role: 'user', content: longQuestion },
          { role: 'assistant', content: 'Infernet' },
        ]
        const { evidence, text } = await asked({ messages }, { stream: false })
        expect(text).toContain('"content":"Infernet is')
        const { prompt, positions } = evidence!.transcript
        const output = positions.map(({ id }) => id)
        expect(await rendered({ messages }, output)).toEqual({ prompt, text: null })
      })

      it('renders no special token, and no text with one before its end', async () => {
        // The demo model's first 256 tokens are the bytes.
        const [bytes, end] = [[...Buffer.from('so it is')], 1_022]
        const textOf = async (output: readonly number[]) =>
          (await rendered({ prompt: 'q' }, output, { endpoint: 'completions' })).text
        expect(await textOf(bytes)).toBe('so it is')
        expect(await textOf([...bytes, end])).toBe('so it is')
        expect(await textOf([...bytes, end, ...bytes])).toBeNull()
        expect(await textOf([...Buffer.from('so <|im_end|> it')])).toBeNull()
      })

      it('loses no stream to a connection that it closes although it said that it stays', async () => {
        const body = { messages: [{ role: 'user', content: longQuestion }], max_tokens: 2 }
        for (let round = 0; round < 6; round++) {
          const answers = Array.from({ length: 8 }, () => asked(body))
          for (const { usage } of await Promise.all(answers))
            expect(usage?.completion_tokens).toBe(2)
        }
      })

      it('claims nothing where half a character was a token of its own', async () => {
        const messages = [{ role: 'user', content: longQuestion }]
        // The demo model's first 256 tokens are the bytes.
        const logit_bias = { 0xc3: 100 }
        const { evidence } = await asked({ messages, temperature: 1, max_tokens: 4, logit_bias })
        expect(evidence).toBeUndefined()
      })

      it('goes on with a begun answer, and shows what it adds', async () => {
        const whole = await asked({ messages: [{ role: 'user', content: longQuestion }] })
        const begun = contentOf(whole.text).slice(0, 20)
        const messages = [
          { role: 'user', content: longQuestion },
          { role: 'assistant', content: begun },
        ]
        const { evidence, text, usage } = await asked({ messages }, { continues: true })
        expect(begun + contentOf(text)).toBe(contentOf(whole.text))
        expect(evidence?.transcript.prompt).toHaveLength(usage?.prompt_tokens ?? 0)
      })
    })

    it('scores some places of an answer that is too long for all', async () => {
      const { engine } = await started()
      const { run } = await ask(engine, model, {
        messages: [{ role: 'user', content: longQuestion }],
      })
      const { prompt, positions } = run!.evidence!()!.transcript
      const ids = positions.map(({ id }) => id)
      const output = Array.from({ length: 600 }, (_, i) => ids[i % ids.length] ?? 0)
      const scored = await engine.score!({ model, prompt, output }, new AbortController().signal)
      expect(scored.map(({ id }) => id)).toEqual(output)
      expect(scored.filter(({ top }) => top.length > 0)).toHaveLength(512)
      await engine.close()
    })
  },
)
