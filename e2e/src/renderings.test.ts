import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Service } from './processes.ts'
import { auditedReceipt } from './audited-receipt.ts'
import { bearer, Stack, type Client } from './stack.ts'

/** Until an audit counts as lost, on a busy machine. */
const LOOKS = 200

interface Audit {
  readonly verdict: string
  readonly report: {
    readonly findings: readonly { readonly check: string; readonly severity: string }[]
    readonly rendered?: { readonly verifier: string }
  }
}

const MODEL = 'infernet-demo'
const ENGINE = ['--engine', 'llama-cpp']
const CHEATING = 'e2e/src/cheats/cheating-agent.ts'
const question = { role: 'user', content: 'What is Infernet?' }
const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }]

/** One request of each kind that a client may make. */
const REQUESTS: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ['a chat', 'chat/completions', { messages: [question] }],
  ['a streamed chat', 'chat/completions', { messages: [question], stream: true }],
  [
    'a conversation in parts',
    'chat/completions',
    {
      messages: [
        { role: 'developer', content: 'Be brief. 😀' },
        { role: 'user', content: [{ type: 'text', text: 'Who?' }] },
        { role: 'assistant', content: 'You.' },
        question,
      ],
      temperature: 1.5,
      stream: true,
    },
  ],
  [
    'a chat that a stop sequence ends',
    'chat/completions',
    { messages: [question], temperature: 0, stop: ['network', ' the', 'e'] },
  ],
  ['a chat with tools', 'chat/completions', { messages: [question], tools }],
  ['a completion', 'completions', { prompt: 'Infernet is', max_tokens: 30 }],
  [
    'a wild completion',
    'completions',
    { prompt: 'q', max_tokens: 60, temperature: 2, top_p: 1, top_k: 1000, min_p: 0, stream: true },
  ],
  ['a response', 'responses', { input: 'What is Infernet?', stream: true }],
  ['a message', 'messages', { messages: [question], max_tokens: 60, system: 'Be kind.' }],
]

/** Real engines, and a verifier that renders what they were asked and have said. */
describe('renderings', () => {
  let stack: Stack
  let client: Client
  let honest: Service
  let peer: string
  beforeAll(async () => {
    stack = await Stack.start('node', 18_640, {}, ['verifier'])
    client = await stack.createClient()
    honest = await stack.startAgent('provider', MODEL, ENGINE)
    const verifier = await stack.startAgent('verifier', MODEL, [...ENGINE, '--role', 'verifier'])
    peer = verifier.peer
  })
  afterAll(() => stack?.stop())

  async function ask(path: string, body: Record<string, unknown>): Promise<string> {
    const response = await fetch(`${stack.url}/v1/${path}`, {
      method: 'POST',
      headers: { ...bearer(client.apiKey), 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, provider: { verify: 'strict' }, ...body }),
    })
    expect(response.status).toBe(200)
    await response.text()
    return response.headers.get('x-infernet-job') ?? ''
  }

  /** The audit of such an answer, which is looked at in any case. */
  async function audited(path: string, body: Record<string, unknown>): Promise<Audit> {
    const job = await ask(path, body)
    const receipt = await auditedReceipt<{ audits: readonly Audit[] }>(stack, client, job, LOOKS)
    const [audit] = receipt?.audits ?? []
    if (audit !== undefined) return audit
    throw new Error(`job ${job} was not audited`)
  }

  it.each(REQUESTS)('find nothing in an honest answer to %s', async (_, path, body) => {
    const { report, verdict } = await audited(path, body)
    expect(report.findings).toEqual([])
    expect(report.rendered).toEqual({ verifier: peer })
    expect(verdict).not.toBe('fail')
  })

  it('find out who gives its client another text than its tokens say', async () => {
    await honest.kill()
    const cheat = [...ENGINE, '--cheat', 'other-text']
    await stack.startAgent('cheat', MODEL, cheat, 1, CHEATING)
    // A newcomer's first answer is looked at, and this one is delivered.
    const unasked = { messages: [question], provider: {} }
    const { report, verdict } = await audited('chat/completions', unasked)
    expect(report.findings).toMatchObject([{ check: 'text', severity: 'fail' }])
    expect(verdict).toBe('fail')
  })
})
