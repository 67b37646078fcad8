import { newAccountId } from '@infernet/schemas/ids'
import { connectDatabase } from '@infernet/settlement/db/connect'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, HOSTS, Stack, until, type Client } from './stack.ts'

const CREDIT_MSAT = '1000000000'
const AGENTS = ['one', 'two'] as const

/** Real engines that are asked again what another has answered, and compared. */
describe.each(HOSTS)('an operator that asks, on the %s host', (kind) => {
  const account = newAccountId(Date.now())
  const peers: string[] = []
  let stack: Stack
  let client: Client
  let db: ReturnType<typeof connectDatabase>

  beforeAll(async () => {
    const settings = {
      INFERNET_CANARY_ACCOUNT: account,
      INFERNET_CANARY_SHARE: '1',
      INFERNET_CHALLENGES: '0',
    }
    stack = await Stack.start(kind, kind === 'node' ? 18_800 : 18_810, {}, [], settings)
    db = connectDatabase(stack.databaseUrl)
    await db.query('insert into accounts (id, name) values ($1, $2)', [account, 'canaries'])
    const credit = { reference: 'start', msat: CREDIT_MSAT }
    await stack.operator('POST', `/operator/accounts/${account}/credits`, credit)
    client = await stack.createClient()
    for (const [i, name] of AGENTS.entries()) {
      const engine = ['--engine', 'llama-cpp']
      const agent = await stack.startAgent(name, 'infernet-demo', engine, i + 1)
      peers.push(agent.peer)
    }
  })
  afterAll(async () => {
    await db?.close()
    await stack?.stop()
  })

  async function ask(path: string, body: object, provider: object): Promise<string> {
    const response = await fetch(`${stack.url}/v1/${path}`, {
      method: 'POST',
      headers: { ...bearer(client.apiKey), 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'infernet-demo', ...body, provider }),
    })
    expect(response.status).toBe(200)
    await response.text()
    return response.headers.get('x-infernet-job') ?? ''
  }
  const chat = (peer: string | undefined, content: string, more: object = {}) => {
    const messages = [{ role: 'user', content }]
    return ask('chat/completions', { messages, temperature: 0.9 }, { only: [peer], ...more })
  }
  const rows = (port: DbPort, source: string) =>
    port.query('select provider_id, job_id, verdict from audits where source = $1', [source])

  it('has a canary of its own audited, and pays for it', async () => {
    const [first, second] = peers
    await chat(first, 'What is Infernet?', { open_audit: true })
    let audited: readonly (readonly unknown[])[] = []
    await until('a canary is audited', async () => {
      // Whoever has had requests is known to serve the model, and gets canaries when others have more.
      await chat(second, 'Who are you?')
      await chat(first, 'What is a receipt?')
      audited = await rows(db, 'canary')
      return audited.length > 0
    })
    const [provider, job, verdict] = audited[0] ?? []
    expect([provider, verdict]).toEqual([second, 'pass'])
    const prompts = await db.query('select body from canary_prompts where canary_job_id = $1', [
      job,
    ])
    expect(prompts).toEqual([[expect.stringContaining('What is Infernet?')]])
    expect(String(prompts[0]?.[0])).not.toContain('open_audit')
    await until('it is paid', async () => {
      const { available } = await stack.settledBalance(account)
      return available < Number(CREDIT_MSAT)
    })
  })

  it('has embeddings of two providers compared', async () => {
    let audited: readonly (readonly unknown[])[] = []
    await until('embeddings are compared', async () => {
      await ask('embeddings', { input: ['open', 'closed'] }, { only: [peers[0]] })
      audited = await rows(db, 'redundancy')
      return audited.length > 1
    })
    expect(audited.map(([provider]) => provider).toSorted()).toEqual(peers.toSorted())
    expect(audited.map(([, , verdict]) => verdict)).toEqual(['pass', 'pass'])
  })
})
