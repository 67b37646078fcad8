import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditedReceipt } from './audited-receipt.ts'
import { bearer, HOSTS, Stack, type Client } from './stack.ts'

const CLI = fileURLToPath(new URL('../../provider-agent/src/cli/main.ts', import.meta.url))

interface Receipt {
  readonly signed: unknown
  readonly statement: { readonly claim?: { readonly sampler: { readonly seed: string } } } | null
  readonly audits: readonly {
    readonly verdict: string
    readonly report: { readonly replay: { readonly mismatches: number; readonly tokens: number } }
  }[]
}

/** Real engines whose answers are opened, and drawn again by the edge. */
describe.each(HOSTS)('audits on the %s host', (kind) => {
  let stack: Stack
  let client: Client
  beforeAll(async () => {
    stack = await Stack.start(kind, kind === 'node' ? 18_660 : 18_670, {}, ['verifier'])
    client = await stack.createClient()
  })
  afterAll(() => stack?.stop())

  async function ask(body: Record<string, unknown>): Promise<string> {
    const response = await fetch(`${stack.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(client.apiKey), 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'infernet-demo',
        messages: [{ role: 'user', content: 'What is Infernet?' }],
        ...body,
      }),
    })
    expect(response.status).toBe(200)
    await response.text()
    return response.headers.get('x-infernet-job') ?? ''
  }

  /** The receipt of an answer that was looked at: the first always is, later ones mostly. */
  async function audited(body: Record<string, unknown>): Promise<Receipt> {
    for (;;) {
      const receipt = await auditedReceipt<Receipt>(stack, client, await ask(body))
      if (receipt !== undefined) return receipt
    }
  }

  it.each(['llama-cpp', 'tiny'])('pass what %s has answered', async (engine) => {
    const agent = await stack.startAgent(engine, 'infernet-demo', ['--engine', engine], 1)
    try {
      for (const body of [
        { temperature: 0 },
        { temperature: 0.8, stream: true },
        { temperature: 1.7, top_p: 1, seed: 5 },
      ]) {
        const { audits, statement } = await audited(body)
        expect(audits[0]).toMatchObject({ verdict: 'pass', report: { replay: { mismatches: 0 } } })
        if ('seed' in body) expect(statement?.claim?.sampler.seed).toBe('5')
      }
    } finally {
      await agent.kill()
    }
  })

  it('have a verifier of the same spec compute the answer anew', async () => {
    const agent = await stack.startAgent('scored', 'infernet-demo', ['--engine', 'llama-cpp'], 1)
    const verifying = ['--engine', 'llama-cpp', '--role', 'verifier']
    const verifier = await stack.startAgent('verifier', 'infernet-demo', verifying, 1)
    const { audits } = await audited({ temperature: 1.2, seed: 7 })
    expect(audits[0]).toMatchObject({
      verdict: 'pass',
      report: { reason: null, rescored: { verifier: verifier.peer, mismatches: 0 } },
    })
    await verifier.kill()
    await agent.kill()
  })

  it('leave a receipt behind that anybody can check offline', async () => {
    const agent = await stack.startAgent('offline', 'infernet-demo', ['--engine', 'tiny'], 1)
    const { signed } = await audited({ temperature: 1 })
    const command = [CLI, 'receipt', 'verify', '-', '--json']
    const checked = spawnSync(process.execPath, command, { input: JSON.stringify(signed) })
    expect(JSON.parse(checked.stdout.toString())).toMatchObject({
      ok: true,
      statement: { claim: { replay: 'llama-cpp' } },
    })
    expect(checked.status).toBe(0)
    await agent.kill()
  })

  it('are selected by a key that was committed to', async () => {
    const response = await fetch(`${stack.url}/v1/audit-epochs`)
    const { data } = (await response.json()) as { data: { key_sha256: string; key: unknown }[] }
    expect(data[0]).toMatchObject({
      key_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      key: null,
    })
  })
})
