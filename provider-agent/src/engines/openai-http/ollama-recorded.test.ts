import { readFileSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { FakeEngine } from '../../testing/fake-engine.ts'
import { OpenAiHttpEngine } from './openai-http.ts'

const FOLDER = new URL('../../testing/recordings/ollama/', import.meta.url)
const read = (name: string) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as object
const listed = (read('models.json') as { data: object[] }).data
const [raw = {}, demo = {}] = listed
const USUAL = ['json_schema', 'logprobs', 'seed']

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A server that says of itself what a real Ollama said. */
async function started(models: object[] | null, pages: Readonly<Record<string, unknown>> = {}) {
  const server = new FakeEngine()
  await server.start()
  // Null is what it has for an empty list.
  server.models = models as object[]
  server.pages = { '/api/version': read('version.json'), ...pages }
  const troubles: string[] = []
  const probeMs = { up: 20, down: 20 }
  const engine = new OpenAiHttpEngine({ url: server.url, models: [], probeMs })
  closing.push(async () => {
    await engine.close()
    await server.close()
  })
  const trouble = (message: string): void => void troubles.push(message)
  await engine.start({ modelsChanged: () => {}, trouble })
  return { engine, server, troubles }
}

it('offers the chats of a model that has a template, with the context that it is given now', async () => {
  const pages = { '/api/show': read('show.json'), '/api/ps': read('ps.json') }
  const { engine } = await started([demo], pages)
  expect(engine.models).toMatchObject([
    {
      id: 'infernet-demo:latest',
      contextLength: 1024,
      endpoints: ['chat.completions'],
      capabilities: USUAL,
    },
  ])
})

it('offers completions alone of one without, whose weights run under another name', async () => {
  const pages = { '/api/show': read('show-raw.json'), '/api/ps': read('ps.json') }
  const { engine } = await started([raw], pages)
  expect(engine.models).toMatchObject([
    { id: 'infernet-raw:latest', contextLength: 1024, endpoints: ['completions'] },
  ])
})

it('says how to get a model where there is none, and offers the first', async () => {
  const { engine, server, troubles } = await started(
    (read('models-none.json') as { data: null }).data,
  )
  expect([engine.models, troubles]).toEqual([[], ['Ollama has no model: ollama pull NAME']])
  server.models = [demo]
  await expect.poll(() => engine.models).toHaveLength(1)
})

it('asks anew what was put there anew', async () => {
  const { engine, server } = await started([demo], { '/api/show': read('show.json') })
  const { length } = server.questions
  await engine.lookNow()
  expect(server.questions).toHaveLength(length)
  server.models = [{ ...demo, created: 1_795_757_999 }]
  server.pages = { ...server.pages, '/api/show': read('show-raw.json') }
  await engine.lookNow()
  expect(engine.models[0]?.endpoints).toEqual(['completions'])
})
