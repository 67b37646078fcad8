import { demoModel } from '@infernet/provider-agent/engines/model-file'
import {
  isBuilt,
  LlamaServer,
  llamaServerBinary,
} from '@infernet/provider-agent/testing/llama-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditedReceipt } from './audited-receipt.ts'
import { DROPPED_WORD, DroppingProxy } from './cheats/dropping-proxy.ts'
import { bearer, Stack, type Client } from './stack.ts'

interface Receipt {
  readonly statement: { readonly claim?: { readonly replay: string } } | null
  readonly audits: readonly {
    readonly verdict: string
    readonly report: {
      readonly findings: readonly { readonly check: string; readonly severity: string }[]
    }
  }[]
}

/** A server that nobody has changed, in front of and behind an audit. */
describe.skipIf(!isBuilt(llamaServerBinary()))(
  'audits of a real llama-server (needs it: node scripts/bootstrap.mjs llama-server)',
  () => {
    let stack: Stack
    let client: Client
    const servers: { stop(): Promise<void> }[] = []
    beforeAll(async () => {
      stack = await Stack.start('node', 18_790, {}, ['verifier'])
      client = await stack.createClient()
    })
    afterAll(async () => {
      await stack?.stop()
      for (const server of servers.toReversed()) await server.stop()
    })

    async function serverUrl(): Promise<string> {
      const { path, id } = demoModel()
      const server = await LlamaServer.start(path, id)
      servers.push(server)
      return server.url
    }
    const behind = (url: string) => ['--engine-url', url, '--spec-backend', 'cpu']
    const engine = async () => behind(await serverUrl())

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

    it('find a prompt that was dropped, when another renders it', async () => {
      const proxy = await DroppingProxy.start(await serverUrl())
      servers.push(proxy)
      const agent = await stack.startAgent('dropping', 'infernet-demo', behind(proxy.url), 1)
      const verifying = [...(await engine()), '--role', 'verifier']
      const verifier = await stack.startAgent('verifier', 'infernet-demo', verifying, 1)
      const chat = (system: string) => ({
        messages: [
          { role: 'system', content: system },
          { role: 'user', content: 'What is Infernet?' },
        ],
      })
      expect((await audited(chat('Be brief.'))).audits[0]).toMatchObject({
        verdict: 'pass',
        report: { rendered: { verifier: verifier.peer } },
      })
      // Not strict: its client would wait for the verdict, and get an error.
      const dropped = { ...chat(`Be brief. ${DROPPED_WORD}`), provider: {} }
      const [audit] = (await audited(dropped)).audits
      expect(audit?.verdict).toBe('fail')
      expect(audit?.report.findings).toContainEqual(
        expect.objectContaining({ check: 'prompt_ids', severity: 'fail' }),
      )
      await verifier.kill()
      await agent.kill()
    })
  },
)
