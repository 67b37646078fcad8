import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataDir } from '@infernet/provider-agent/data-dir'
import { loadIdentity } from '@infernet/provider-agent/identity'
import { Service } from './processes.ts'

export const HOSTS = ['node', 'workerd'] as const
export type HostKind = (typeof HOSTS)[number]

const HOST_SCRIPT: Record<HostKind, string> = {
  node: 'edge/src/hosts/node/main.ts',
  workerd: 'edge/src/hosts/workerd/serve.ts',
}
const AGENT = 'provider-agent/src/cli/main.ts'
const OPERATOR_TOKEN = 'e2e-operator-token'
const SETTLER_TOKEN = 'e2e-settler-token-of-32-characters'
const L402_KEY = '5a'.repeat(32)
const POLL_MS = 50
/** Until a wait counts as vain, on a busy machine. */
const WAIT_MS = 60_000

export interface Client {
  readonly accountId: string
  readonly apiKey: string
}

/** A real database, edge and agents on loopback, each in its own process. */
export class Stack {
  readonly kind: HostKind
  readonly dir: string
  readonly port: number
  readonly #timeouts: string
  #database: Service | undefined
  #databaseUrl = ''
  #settings: Readonly<Record<string, string>> = {}
  edge!: Service
  readonly agents: Service[] = []

  private constructor(kind: HostKind, dir: string, port: number, timeouts: Record<string, number>) {
    this.kind = kind
    this.dir = dir
    this.port = port
    this.#timeouts = JSON.stringify(timeouts)
  }

  /**
   * `timeouts` override the edge's job timeouts, in ms; an agent of each of `verifiers` may score answers;
   * `settings` are of the edge's environment.
   */
  static async start(
    kind: HostKind,
    port: number,
    timeouts: Record<string, number> = {},
    verifiers: readonly string[] = [],
    settings: Readonly<Record<string, string>> = {},
  ): Promise<Stack> {
    const dir = await mkdtemp(join(tmpdir(), 'infernet-e2e-'))
    const stack = new Stack(kind, dir, port, timeouts)
    const peers = verifiers.map((name) => peerOf(join(dir, name))).join(',')
    stack.#settings = { ...settings, INFERNET_VERIFIERS: peers }
    const secrets = {
      'operator-token': OPERATOR_TOKEN,
      'settler-token': SETTLER_TOKEN,
      'l402-keys': L402_KEY,
    }
    for (const [name, text] of Object.entries(secrets))
      await writeFile(join(dir, name), `${text}\n`, { mode: 0o600 })
    await stack.startDatabase()
    await stack.startEdge()
    return stack
  }

  get databaseUrl(): string {
    return this.#databaseUrl
  }

  get database(): Service {
    if (this.#database === undefined) throw new Error('The database was not started')
    return this.#database
  }

  /** A file of this stack: a token, a key. */
  file(name: string): string {
    return join(this.dir, name)
  }

  /** Anew, or again after a kill: it has the same port. */
  async startDatabase(): Promise<void> {
    this.#database = new Service('database', 'edge/src/hosts/node/database-server.ts', [
      '--data',
      join(this.dir, 'postgres'),
      '--port',
      String(this.port + 1),
    ])
    this.#databaseUrl = String((await this.#database.line((line) => line['ready'] === true))['url'])
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async startEdge(): Promise<void> {
    this.edge = new Service(
      'edge',
      HOST_SCRIPT[this.kind],
      [
        '--port',
        String(this.port),
        '--data',
        this.dir,
        '--database-url',
        this.#databaseUrl,
        '--operator-token-file',
        this.file('operator-token'),
        '--settler-token-file',
        this.file('settler-token'),
        '--l402-keys-file',
        this.file('l402-keys'),
      ],
      { ...this.#settings, INFERNET_JOB_TIMEOUTS: this.#timeouts },
    )
    await this.edge.line((line) => line['ready'] === true)
  }

  /** Kills the edge as a power cut would. */
  async killEdge(): Promise<void> {
    await this.edge.kill()
  }

  /**
   * Starts an agent with a key of its own and waits until its models are listed `providers` times. `program`
   * is for those that cheat.
   */
  async startAgent(
    name: string,
    model: string,
    args: readonly string[],
    providers = 1,
    program = AGENT,
  ): Promise<Service> {
    const agent = this.spawnAgent(name, args, program)
    agent.peer = String((await agent.line((line) => line['event'] === 'connected'))['peer'])
    await this.untilServed(model, providers)
    return agent
  }

  /** Starts one that may not be let in. */
  spawnAgent(name: string, args: readonly string[], program = AGENT): Service {
    const agent = new Service(`agent ${name}`, program, [
      'run',
      '--edge',
      this.url,
      '--data',
      join(this.dir, name),
      '--json',
      // On a machine with a GPU an edge would take one of them.
      '--no-hardware',
      ...args,
    ])
    this.agents.push(agent)
    return agent
  }

  async untilServed(model: string, providers: number): Promise<void> {
    const client = await this.createClient('0')
    await until(`${model} is served by ${providers}`, async () => {
      const answer = await fetch(`${this.url}/v1/models/${model}`, {
        headers: bearer(client.apiKey),
      })
      if (answer.status !== 200) return providers === 0
      return ((await answer.json()) as { providers: number }).providers === providers
    })
  }

  /** A new account with credit (msat, decimal) and a key. */
  async createClient(msat = '1000000000'): Promise<Client> {
    const account = await this.operator('POST', '/operator/accounts', { name: 'e2e' })
    const accountId = String(account['id'])
    if (msat !== '0')
      await this.operator('POST', `/operator/accounts/${accountId}/credits`, {
        reference: 'start',
        msat,
      })
    const key = await this.operator('POST', `/operator/accounts/${accountId}/keys`, { name: 'e2e' })
    return { accountId, apiKey: String(key['key']) }
  }

  /** Available and reserved msat, once no job is open any more. */
  async settledBalance(accountId: string): Promise<{ available: number; reserved: number }> {
    let balance: Record<string, unknown> = {}
    await until('all jobs are settled', async () => {
      balance = await this.operator('GET', `/operator/accounts/${accountId}`)
      return balance['open_jobs'] === 0
    })
    return {
      available: Number(balance['available_msat']),
      reserved: Number(balance['reserved_msat']),
    }
  }

  async operator(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: bearer(OPERATOR_TOKEN),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const json = (await answer.json()) as Record<string, unknown>
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(json)}`)
    return json
  }

  async stop(): Promise<void> {
    await Promise.all(
      [...this.agents, this.edge as Service | undefined].map((service) => service?.kill()),
    )
    await this.#database?.kill()
    await rm(this.dir, { recursive: true, force: true })
  }
}

/** The name of the agent whose data are in `dir`, which are made if they are not there. */
const peerOf = (dir: string): string => loadIdentity(dataDir(dir, {}).key).identity.peer

export const bearer = (token: string): Record<string, string> => ({
  authorization: `Bearer ${token}`,
})

/** Polls until `condition` holds; fails naming what was waited for. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
): Promise<void> {
  const deadline = Date.now() + WAIT_MS
  while (Date.now() < deadline) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`waited ${WAIT_MS} ms in vain until ${what}`)
}
