import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { takePlan } from '@infernet/settlement/settler/crash-at'
import type { Service } from '../processes.ts'
import { Stack, type HostKind } from '../stack.ts'
import { CrashFlows } from './crash-flows.ts'
import type { Flow } from './crash-steps.ts'
import { readBooks, sumOf, type MarketBooks } from './market-books.ts'
import { MoneyClient } from './money-client.ts'
import { armCrash, paidAgentOptions, reconcile, startSettler } from './settler-process.ts'
import { simulatedLightning, type TestLightning } from './test-lightning.ts'

export const VICTIMS = ['settler', 'edge', 'database'] as const
export type Victim = (typeof VICTIMS)[number]

/** One kill: `victim` is killed when settler or edge come to `step` while `flow` is under way. */
export interface CrashPlan {
  readonly flow: Flow
  readonly victim: Victim
  readonly step: string
}

/** Kinds of accounts that have something only while it is on its way. */
const UNDER_WAY: ReadonlySet<string> = new Set(['provider', 'payout_inflight', 'escrow'])
/** The same, but for what waits for a verdict. */
const PENDING = 'provider_pending'
const PRICE = 'prompt=500000000,completion=500000000'
const POLL_MS = 40
/**
 * Until a flow counts as stuck, restarts included, on a busy machine. A job of a fixed price whose receipt is late waits
 * for it for a minute and a half.
 */
const STUCK_MS = 210_000
/** A payout that failed is tried again after a minute, and after two. */
export const QUIET_MS = 300_000
/** Until a verdict is written, or forgotten: an edge tries four times, every five seconds. */
const VERDICT_MS = 25_000
/**
 * A flow has passed all its steps when nothing has been under way for so long: what an edge has gathered is written
 * within a second.
 */
const CALM_MS = 3_000

interface KindBalance {
  readonly kind: string
  readonly balance_msat: string
}

/** A whole Infernet on SIMULATED Lightning, of which any process may be killed at any named step. */
export class CrashWorld {
  readonly #stack: Stack
  readonly #lightning: TestLightning
  readonly #flows: CrashFlows
  readonly #crashDir: string
  #settler: Service
  readonly #stopped = new AbortController()
  readonly #supervising: Promise<void>
  #plans = 0
  kills = 0
  /** How often everything had arrived, and every account agreed with the nodes. */
  reconciled = 0

  private constructor(
    stack: Stack,
    lightning: TestLightning,
    client: MoneyClient,
    settler: Service,
    crashDir: string,
  ) {
    this.#stack = stack
    this.#lightning = lightning
    const until = (what: string, condition: () => Promise<boolean>) => this.#until(what, condition)
    this.#flows = new CrashFlows({ client, lightning, until, repeats: stack.kind === 'node' })
    this.#settler = settler
    this.#crashDir = crashDir
    this.#supervising = this.#supervise()
  }

  static async start(kind: HostKind, port: number): Promise<CrashWorld> {
    const lightning = await simulatedLightning()
    const crashDir = await mkdtemp(join(tmpdir(), 'infernet-crash-'))
    const stack = await Stack.start(kind, port, {}, [], crashable(crashDir))
    const settler = await startSettler(stack, lightning, crashable(crashDir))
    await stack.startAgent('paid', 'infernet-demo', [
      '--engine',
      'llama-cpp',
      '--price',
      PRICE,
      ...paidAgentOptions(lightning),
    ])
    const { apiKey } = await stack.createClient()
    return new CrashWorld(stack, lightning, new MoneyClient(stack, apiKey), settler, crashDir)
  }

  /**
   * Lets a flow run with the kill armed, starts again whatever was killed, and waits until the flow has
   * come to its end. False when nothing was killed, since the flow has not passed the step. Throws when it is stuck.
   */
  async run({ flow, victim, step }: CrashPlan): Promise<boolean> {
    await this.#until('the settler runs', async () => this.#settler.isRunning)
    const service = this.#serviceOf(victim)
    const file = crashFile(this.#crashDir)
    const id = ++this.#plans
    armCrash(file, { id, step, pids: [...(await service.childPids()), service.pid] })
    const isTaken = (): boolean => existsSync(`${file}.${id}`)
    const told = new AbortController()
    const story = this.#flows.tell(flow).finally(() => told.abort())
    story.catch(() => {})
    while (!isTaken() && !told.signal.aborted) await sleep()
    await this.#calm(isTaken)
    const isKilled = !takePlan(file, id) && (await this.#isKilled(victim, service))
    if (isKilled) this.kills++
    await story
    return isKilled
  }

  /**
   * Nothing may be under way any more, but for what waits for a verdict that an edge has forgotten; and every
   * account agrees with the nodes.
   */
  async settle(): Promise<void> {
    let left: readonly KindBalance[] = []
    let awaited = { msat: 0n, since: 0 }
    const arrived = async () => {
      const kinds = await this.#kinds()
      left = kinds.filter(({ kind, balance_msat: has }) => UNDER_WAY.has(kind) && has !== '0')
      if (left.length > 0) return false
      const msat = await this.#awaitedMsat()
      if (msat !== awaited.msat) awaited = { msat, since: Date.now() }
      if (msat > 0n && Date.now() - awaited.since < VERDICT_MS) return false
      left = kinds.filter(({ kind, balance_msat: has }) => kind === PENDING && BigInt(has) !== msat)
      return left.length === 0
    }
    await this.#until('everything has arrived', arrived, QUIET_MS).catch((cause: unknown) => {
      const lines = this.#settler.lines.join('\n')
      throw new Error(`${JSON.stringify(left)} is left; the settler said\n${lines}`, { cause })
    })
    const { code, output } = await reconcile(this.#stack, this.#lightning)
    if (code !== 0) throw new Error(`reconcile ended with ${code}:\n${output}`)
    const { legs } = await this.#books()
    const charged = new Set(legs.map(({ job }) => job)).size
    const { requests } = this.#flows
    if (charged > requests) throw new Error(`${charged} jobs were charged for ${requests} requests`)
    this.reconciled++
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#settler.kill()
    await this.#supervising
    await this.#stack.stop()
    await this.#lightning.stop()
    await rm(this.#crashDir, { recursive: true })
  }

  async #kinds(): Promise<readonly KindBalance[]> {
    const ledger = await this.#stack.operator('GET', '/operator/ledger')
    return (ledger as { kinds: KindBalance[] }).kinds
  }

  async #awaitedMsat(): Promise<bigint> {
    const { legs } = await this.#books()
    return sumOf(legs.filter(({ isAwaited }) => isAwaited).map(({ netMsat }) => netMsat))
  }

  #books(): Promise<MarketBooks> {
    return readBooks(this.#stack.databaseUrl)
  }

  #serviceOf(victim: Victim): Service {
    return {
      settler: this.#settler,
      edge: this.#stack.edge,
      database: this.#stack.database,
    }[victim]
  }

  /**
   * Starts anew what was killed. False when it had ended by itself before, as a settler without its lease does. Of a
   * workerd host this is the process that runs workerd, which ends with a code of its own when workerd does.
   */
  async #isKilled(victim: Victim, service: Service): Promise<boolean> {
    await service.ended()
    if (victim === 'database') await this.#stack.startDatabase()
    if (victim === 'edge') await this.#stack.startEdge()
    return service.process.signalCode === 'SIGKILL'
  }

  /** Waits until nothing has been under way for a while, or `isOver`, or that takes too long. */
  async #calm(isOver: () => boolean): Promise<void> {
    const deadline = Date.now() + STUCK_MS
    let since = Date.now()
    while (!isOver() && Date.now() < deadline && Date.now() - since < CALM_MS) {
      if (await this.#isUnderWay().catch(() => true)) since = Date.now()
      await sleep()
    }
  }

  async #isUnderWay(): Promise<boolean> {
    const kinds = await this.#kinds()
    const awaited = await this.#awaitedMsat()
    return kinds.some(({ kind, balance_msat: has }) =>
      kind === PENDING ? BigInt(has) !== awaited : UNDER_WAY.has(kind) && has !== '0',
    )
  }

  /** As systemd would: a settler that was killed, or could not renew its lease, is started again. */
  async #supervise(): Promise<void> {
    for (;;) {
      await this.#settler.ended()
      if (this.#stopped.signal.aborted) return
      try {
        this.#settler = await startSettler(this.#stack, this.#lightning, crashable(this.#crashDir))
        if (this.#stopped.signal.aborted) await this.#settler.kill()
      } catch {
        // It was killed before it was ready.
      }
    }
  }

  /** Whatever is killed meanwhile answers nothing, which is no end. */
  async #until(what: string, condition: () => Promise<boolean>, stuckMs = STUCK_MS): Promise<void> {
    const deadline = Date.now() + stuckMs
    let last: unknown
    while (Date.now() < deadline) {
      try {
        if (await condition()) return
      } catch (error) {
        last = error
      }
      await sleep()
    }
    throw new Error(`stuck: ${stuckMs} ms in vain until ${what}`, { cause: last })
  }
}

const crashFile = (dir: string): string => join(dir, 'plan')
const crashable = (dir: string) => ({ INFERNET_CRASH_FILE: crashFile(dir) })

const sleep = () => new Promise<void>((resolve) => setTimeout(resolve, POLL_MS))
