import { afterEach, beforeEach, expect, it } from 'vitest'
import { FakeEngine } from '../../testing/fake-engine.ts'
import { connectEngine, type EngineConnection } from '../openai-http/engine-connection.ts'
import { showsLife } from './life-proof.ts'

let server: FakeEngine
let connection: EngineConnection
beforeEach(async () => {
  server = new FakeEngine()
  await server.start()
  connection = connectEngine(server.url, undefined)
})
afterEach(async () => {
  connection.close()
  await server.close()
})

const prove = (
  kind: 'llama-server' | 'vllm',
  more: { patienceMs?: number; signal?: AbortSignal } = {},
) =>
  showsLife({
    connection,
    kind,
    model: 'big-model',
    patienceMs: 300,
    lookMs: 10,
    signal: new AbortController().signal,
    ...more,
  })
const llama = 'llamacpp:requests_processing 1\nllamacpp:requests_deferred 3\n'
const vllm = (written: number): string =>
  `vllm:num_requests_running 4\nvllm:num_requests_waiting 9\nvllm:generation_tokens_total ${written}\n`

it('is metrics of llama-server, which it is not asked for a token for', async () => {
  server.pages = { '/metrics': llama }
  expect(await prove('llama-server')).toBe(true)
  expect(server.questions).toEqual([])
})

it('is an answer to one token where llama-server has no metrics, whatever it says', async () => {
  expect(await prove('llama-server')).toBe(true)
  server.onQuestion = () => 503
  expect(await prove('llama-server')).toBe(true)
  expect(server.questions).toEqual(['/completions', '/completions'])
  server.onQuestion = () => 'never'
  expect(await prove('llama-server')).toBe(false)
})

it('is an answer of vLLM to one token, also where its metrics stand still', async () => {
  server.pages = { '/metrics': vllm(7) }
  expect(await prove('vllm')).toBe(true)
})

it('is not that vLLM says the same of itself again and again', async () => {
  server.pages = { '/metrics': vllm(7) }
  server.onQuestion = () => 'never'
  expect(await prove('vllm')).toBe(false)
})

it('is that vLLM has gone on, where all its places are taken and the question waits', async () => {
  let written = 0
  server.onQuestion = () => 'never'
  server.pages = {
    get '/metrics'() {
      return vllm(written++)
    },
  }
  expect(await prove('vllm', { patienceMs: 60_000 })).toBe(true)
})

it('is not waited for when somebody has ended it', async () => {
  const ending = new AbortController()
  server.onQuestion = () => 'never'
  const proved = prove('vllm', { patienceMs: 60_000, signal: ending.signal })
  ending.abort()
  expect(await proved).toBe(false)
})
