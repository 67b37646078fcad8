import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrateDatabase } from '../../edge/src/hosts/node/migrate.ts'
import { bundleEdge } from './edge-bundle.ts'
import { startChild, type Child, type ChildOptions } from './child.ts'
import type { EngineKind, HostKind } from './options.ts'
import type { StateDir } from './state-dir.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The edge's programs beside the bundled Node host; all take the same options and print the same ready line. */
const EDGE_PROGRAMS: Readonly<Record<Exclude<HostKind, 'node'>, string>> = {
  workerd: 'edge/src/hosts/workerd/serve.ts',
  wrangler: 'scripts/start/wrangler-edge.ts',
}

/** A part of the system ended though nobody asked it to. */
export class PartDied extends Error {
  override readonly name = 'PartDied'
  readonly code = 'part_died'

  constructor(part: Child, how: string) {
    const lines = part.lastLines().map((line) => `    ${line}`)
    super(
      [
        `The ${part.name} ended: ${how}. Its last lines (all in ${part.logPath}):`,
        '',
        ...lines,
      ].join('\n'),
    )
  }
}

type PartName = 'edge' | 'agent' | 'database' | 'lightning' | 'settler'

/** 100 and 200 msat a token, as for a large model: a short answer is worth a few sat, and paid at once. */
const DEMO_PRICE = 'prompt=100000000,completion=200000000'

/** Nodes of the simulated network: who settles, who tops up, who is paid. */
const LIGHTNING_NODES = ['operator', 'client', 'provider'] as const

const STOP_ORDER: readonly (readonly PartName[])[] = [
  ['agent', 'edge', 'settler'],
  ['database', 'lightning'],
]

/** The processes of one `npm start`. */
export class System {
  readonly #dir: StateDir
  readonly #parts = new Map<string, Child>()
  readonly #death = Promise.withResolvers<never>()
  #stopping = false

  constructor(dir: StateDir) {
    this.#dir = dir
    this.death.catch(() => {}) // seen by whoever waits for it
  }

  /** Rejects with {@link PartDied} when a part ends by itself; never resolves. */
  get death(): Promise<never> {
    return this.#death.promise
  }

  pid(name: PartName): number | null {
    return this.#parts.get(name)?.pid ?? null
  }

  /** Starts our own database, or brings the one at `externalUrl` up to date. Returns its URL. */
  async startDatabase(externalUrl: string | undefined): Promise<string> {
    if (externalUrl !== undefined) {
      if (/^postgres(ql)?:/.test(externalUrl)) await migrateDatabase(externalUrl)
      return externalUrl
    }
    const args = ['edge/src/hosts/node/database-server.ts', '--data', this.#dir.database]
    return this.#urlOf(this.#start({ name: 'database', args }))
  }

  /** Starts the edge and returns its URL. */
  async startEdge(
    host: HostKind,
    settings: { port: number; databaseUrl: string; onLine: (line: string) => void },
  ): Promise<string> {
    const options = {
      '--port': String(settings.port),
      '--data': this.#dir.root,
      '--database-url': settings.databaseUrl,
      '--operator-token-file': this.#dir.operatorToken,
      '--settler-token-file': this.#dir.settlerToken,
      '--l402-keys-file': this.#dir.l402Keys,
    }
    const args = [await this.#edgeProgram(host), ...Object.entries(options).flat()]
    return this.#urlOf(this.#start({ name: 'edge', args, onLine: settings.onLine }))
  }

  async #edgeProgram(host: HostKind): Promise<string> {
    if (host !== 'node') return EDGE_PROGRAMS[host]
    await bundleEdge(this.#dir.edgeBundle)
    return this.#dir.edgeBundle
  }

  /** Paid at once, to a node of its own, if there is Lightning. */
  startAgent(engine: EngineKind, edgeUrl: string): void {
    const args = ['provider-agent/src/cli/main.ts', 'run']
    // Its owner may bring an agent that serves by the same GPU, and an edge takes each card once.
    const own = ['--data', this.#dir.root, '--json', '--price', DEMO_PRICE, '--no-hardware']
    const options = ['--edge', edgeUrl, '--engine', engine, ...own]
    const payout = this.#parts.has('lightning') ? this.#payoutOptions() : []
    this.#start({ name: 'agent', args: [...args, ...options, ...payout] })
  }

  #payoutOptions(): string[] {
    const node = join(this.#dir.lightning, 'provider')
    const options = {
      '--payout': 'lnd',
      '--payout-when': 'at_once',
      '--lnd': readFileSync(join(node, 'socket'), 'utf8'),
      '--lnd-cert': join(node, 'tls.cert'),
      '--lnd-macaroon': join(node, 'agent.macaroon'),
    }
    return Object.entries(options).flat()
  }

  /** Simulated Lightning: resolves when its nodes can be reached. */
  async startLightning(): Promise<void> {
    const program = 'settlement/src/lightning/sim/main.ts'
    const args = [program, '--data', this.#dir.lightning, '--nodes', LIGHTNING_NODES.join(',')]
    await this.#start({ name: 'lightning', args }).ready
  }

  /** Resolves when it may act on the node. */
  async startSettler(settings: {
    edgeUrl: string
    databaseUrl: string
    onLine: (line: string) => void
  }): Promise<void> {
    const node = join(this.#dir.lightning, 'operator')
    const options = {
      '--edge': settings.edgeUrl,
      '--edge-token-file': this.#dir.settlerToken,
      '--database-url': settings.databaseUrl,
      '--lnd': readFileSync(join(node, 'socket'), 'utf8'),
      '--lnd-cert': join(node, 'tls.cert'),
      '--macaroons': node,
      '--key-file': this.#dir.settlerKey,
    }
    // The nodes have a channel with each other, so that a single request is payable.
    // Nobody is distrusted here: what is earned is paid at once.
    const trusting = ['--holdback', '0s', '--newcomer-holdback', '0s']
    const flags = [...trusting, '--payout-minimum-msat', '1', '--create-key', '--json']
    const args = ['settlement/src/settler/main.ts', 'run', ...Object.entries(options).flat()]
    await this.#start({ name: 'settler', args: [...args, ...flags], onLine: settings.onLine }).ready
  }

  /** Stops everything: the database last, because the others still write to it. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const names of STOP_ORDER)
      await Promise.all(names.map((name) => this.#parts.get(name)?.stop()))
  }

  #start(options: Pick<ChildOptions, 'name' | 'args' | 'onLine'>): Child {
    const part = startChild({ ...options, cwd: ROOT, logPath: this.#dir.logOf(options.name) })
    this.#parts.set(options.name, part)
    void this.#watch(part)
    return part
  }

  async #watch(part: Child): Promise<void> {
    const how = await part.ended
    if (!this.#stopping) this.#death.reject(new PartDied(part, how))
  }

  async #urlOf(part: Child): Promise<string> {
    const { url } = await part.ready
    if (url === undefined) throw new Error(`The ${part.name} named no url in its ready line`)
    return url
  }
}

const OS_NAMES: Partial<Record<NodeJS.Platform, string>> = { darwin: 'mac', win32: 'win' }

/** Whether node-llama-cpp came with a binary for this machine. */
export function hasLlamaCpp(): boolean {
  const machine = `${OS_NAMES[process.platform] ?? process.platform}-${process.arch}`
  const folders = [machine, `${machine}-metal`].map((name) =>
    join(ROOT, 'node_modules/@node-llama-cpp', name, 'bins'),
  )
  return folders.some((folder) => existsSync(folder))
}
