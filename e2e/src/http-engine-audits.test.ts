import { demoModel } from '@infernet/provider-agent/engines/model-file'
import {
  isBuilt,
  LlamaServer,
  llamaServerBinary,
} from '@infernet/provider-agent/testing/llama-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditedReceipt } from './audited-receipt.ts'
import { bearer, Stack, type Client } from './stack.ts'

interface Receipt {
  readonly statement: { readonly claim?: { readonly replay: string } } | null
  readonly audits: readonly {
    readonly verdict: string
    readonly report: { readonly replay: { readonly mismatches: number } }
  }[]
}

/** A server that nobody has changed, in front of and behind an audit. */
describe.skipIf(!isBuilt(llamaServerBinary()))('audits of a real llama-server', () => {
  let stack: Stack
  let client: Client
  const servers: LlamaServer[] = []
  beforeAll(async () => {
    stack = await Stack.start('node', 18_790, {}, ['verifier'])
    client = await stack.createClient()
  })
  afterAll(async () => {
    await stack?.stop()
    for (const server of servers) await server.stop()
  })

  async function engine(): Promise<readonly string[]> {
    const { path, id } = demoModel()
    const server = await LlamaServer.start(path, id)
    servers.push(server)
    return ['--engine-url', server.url, '--spec-backend', 'cpu']
  }

  async function ask(body: Record<string, unknown>): Promise<string> {
    const response = await fetch(`${stack.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(client.apiKey), 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'infernet-demo',
        messages: [{ role: 'user', content: 'What is Infernet?' }],
        // Always looked at, and by the same draws each time.
        provider: { verify: 'strict' },
        seed: 7,
        ...body,
      }),
    })
    expect(response.status).toBe(200)
    expect(await response.text()).not.toContain('logprobs":{')
    return response.headers.get('x-infernet-job') ?? ''
  }

  /** The receipt of an answer that was looked at: the first always is, later ones mostly. */
  async function audited(body: Record<string, unknown>): Promise<Receipt> {
    for (;;) {
      const receipt = await auditedReceipt<Receipt>(stack, client, await ask(body))
      if (receipt !== undefined) return receipt
    }
  }

  it('pass what it has answered, by its draws and by the numbers of another', async () => {
    const agent = await stack.startAgent('served', 'infernet-demo', await engine(), 1)
    for (const body of [{ temperature: 0 }, { temperature: 1.2, stream: true }, {}]) {
      const { audits, statement } = await audited(body)
      expect(statement?.claim?.replay).toBe('llama-cpp')
      expect(audits[0]).toMatchObject({ verdict: 'pass', report: { replay: { mismatches: 0 } } })
    }
    const verifying = [...(await engine()), '--role', 'verifier']
    const verifier = await stack.startAgent('verifier', 'infernet-demo', verifying, 1)
    const { audits } = await audited({ temperature: 1.2 })
    expect(audits[0]).toMatchObject({
      verdict: 'pass',
      report: { rescored: { verifier: verifier.peer, mismatches: 0 } },
    })
    await verifier.kill()
    await agent.kill()
  })
})
