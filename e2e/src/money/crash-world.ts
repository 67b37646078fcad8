import { existsSync } from 'node:fs'
import type { PaymentOutcome } from '@infernet/settlement/lightning/lightning-backend'
import { takePlan } from '@infernet/settlement/settler/crash-at'
import { invoicePayment } from '@infernet/settlement/testing/payment-order'
import type { Service } from '../processes.ts'
import { Stack, type HostKind } from '../stack.ts'
import { readBooks, sumOf } from './market-books.ts'
import { MoneyClient, must, type Json } from './money-client.ts'
import { armCrash, paidAgentOptions, reconcile, startSettler } from './settler-process.ts'
import {
  clientInvoice,
  FEE_LIMIT_MSAT,
  simulatedLightning,
  type TestLightning,
} from './test-lightning.ts'

export type Victim = 'settler' | 'edge' | 'database'
export type Flow = 'topup' | 'request' | 'withdrawal' | 'escrow'

/** One kill: `victim` is killed when the settler comes to `step` while `flow` is under way. */
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
/** Until a flow counts as stuck, restarts included, on a busy machine. */
const STUCK_MS = 120_000
/** A payout that failed is tried again after a minute, and after two. */
export const QUIET_MS = 300_000
/** Until a verdict is written, or forgotten: an edge tries four times, every five seconds. */
const VERDICT_MS = 25_000
/** Of the flows, msat: different for each, so that a mix-up would show. */
const LEAST_SAT = 300

interface KindBalance {
  readonly kind: string
  readonly balance_msat: string
}

/** A whole Infernet on SIMULATED Lightning, of which any process may be killed at any named step. */
export class CrashWorld {
  readonly #stack: Stack
  readonly #lightning: TestLightning
  readonly #client: MoneyClient
  readonly #crashFile: string
  #settler: Service
  readonly #stopped = new AbortController()
  readonly #supervising: Promise<void>
  #flows = 0
  #plans = 0
  kills = 0

  private constructor(
    stack: Stack,
    lightning: TestLightning,
    client: MoneyClient,
    settler: Service,
  ) {
    this.#stack = stack
    this.#lightning = lightning
    this.#client = client
    this.#settler = settler
    this.#crashFile = stack.file('crash')
    this.#supervising = this.#supervise()
  }

  static async start(kind: HostKind, port: number): Promise<CrashWorld> {
    const lightning = await simulatedLightning()
    const stack = await Stack.start(kind, port)
    const settler = await startSettler(stack, lightning, crashable(stack))
    await stack.startAgent('paid', 'infernet-demo', [
      '--engine',
      'llama-cpp',
      '--price',
      PRICE,
      ...paidAgentOptions(lightning),
    ])
    const { apiKey } = await stack.createClient()
    return new CrashWorld(stack, lightning, new MoneyClient(stack, apiKey), settler)
  }

  /**
   * Lets a flow run with the kill armed, starts again whatever was killed, and waits until the flow has
   * come to its end. Throws when it is stuck.
   */
  async run({ flow, victim, step }: CrashPlan): Promise<void> {
    await this.#until('the settler runs', async () => this.#settler.isRunning)
    const pids = await this.#pidsOf(victim)
    const id = ++this.#plans
    armCrash(this.#crashFile, { id, step, pids })
    const over = new AbortController()
    const story = this.#tell(flow).finally(() => over.abort())
    story.catch(() => {})
    while (!over.signal.aborted && !existsSync(`${this.#crashFile}.${id}`)) await sleep()
    if (!takePlan(this.#crashFile, id)) {
      this.kills++
      await this.#revive(victim)
    }
    await story
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
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#settler.kill()
    await this.#supervising
    await this.#stack.stop()
    await this.#lightning.stop()
  }

  async #kinds(): Promise<readonly KindBalance[]> {
    const ledger = await this.#stack.operator('GET', '/operator/ledger')
    return (ledger as { kinds: KindBalance[] }).kinds
  }

  async #awaitedMsat(): Promise<bigint> {
    const { legs } = await readBooks(this.#stack.databaseUrl)
    return sumOf(legs.filter(({ isAwaited }) => isAwaited).map(({ netMsat }) => netMsat))
  }

  async #pidsOf(victim: Victim): Promise<number[]> {
    const service = {
      settler: this.#settler,
      edge: this.#stack.edge,
      database: this.#stack.database,
    }[victim]
    return [...(await service.childPids()), service.pid]
  }

  async #revive(victim: Victim): Promise<void> {
    if (victim === 'database') {
      await this.#stack.database.ended()
      await this.#stack.startDatabase()
    }
    if (victim === 'edge') {
      await this.#stack.edge.ended()
      await this.#stack.startEdge()
    }
  }

  /** As systemd would: a settler that was killed, or could not renew its lease, is started again. */
  async #supervise(): Promise<void> {
    for (;;) {
      await this.#settler.ended()
      if (this.#stopped.signal.aborted) return
      try {
        this.#settler = await startSettler(this.#stack, this.#lightning, crashable(this.#stack))
        if (this.#stopped.signal.aborted) await this.#settler.kill()
      } catch {
        // It was killed before it was ready.
      }
    }
  }

  async #tell(flow: Flow): Promise<void> {
    const number = ++this.#flows
    switch (flow) {
      case 'topup':
        return await this.#topUp(number)
      case 'request':
        return await this.#request()
      case 'withdrawal':
        return await this.#withdrawal(number)
      case 'escrow':
        return await this.#escrow(number)
    }
  }

  async #topUp(number: number): Promise<void> {
    const order = { amount_sat: LEAST_SAT + number }
    const headers = { 'idempotency-key': `topup-${number}` }
    const invoice = await this.#field('the invoice is there', 'invoice', () =>
      this.#client.ask('POST', '/billing/topups', order, headers),
    )
    const id = await this.#field('the top-up is there', 'id', () =>
      this.#client.ask('POST', '/billing/topups', order, headers),
    )
    await this.#pay(invoice)
    await this.#status(`/billing/topups/${id}`, ['settled'])
  }

  async #request(): Promise<void> {
    await this.#until('a request is answered', async () => {
      const { status } = await this.#client.chat('hello')
      return status === 200
    })
  }

  async #withdrawal(number: number): Promise<void> {
    const bolt11 = await clientInvoice(this.#lightning, BigInt(LEAST_SAT + number) * 1000n)
    const headers = { 'idempotency-key': `withdrawal-${number}` }
    const id = await this.#field('the withdrawal is there', 'id', () =>
      this.#client.ask('POST', '/billing/withdrawals', { invoice: bolt11 }, headers),
    )
    await this.#status(`/billing/withdrawals/${id}`, ['succeeded'])
  }

  async #escrow(number: number): Promise<void> {
    const body = {
      model: 'infernet-demo',
      max_tokens: 8,
      messages: [{ role: 'user', content: 'hello' }],
    }
    const headers = { 'idempotency-key': `job-${number}` }
    const id = await this.#field('the job is there', 'id', () =>
      this.#client.ask('POST', '/jobs', { endpoint: '/v1/chat/completions', body }, headers),
    )
    const invoice = await this.#field('its invoice is there', 'invoice', () =>
      this.#client.ask('GET', `/jobs/${id}`),
    )
    const paying = this.#lightning.client.pay(invoicePayment(invoice, FEE_LIMIT_MSAT))
    let outcome: PaymentOutcome | undefined
    paying.then(
      (ended) => (outcome = ended),
      () => {},
    )
    await this.#status(`/jobs/${id}`, ['completed', 'failed'])
    // Settled or given back; held for ever would be stuck.
    await this.#until(
      'the payment is over',
      async () => outcome?.status === 'succeeded' || outcome?.status === 'failed',
    )
  }

  async #pay(invoice: string): Promise<void> {
    await this.#until('the invoice is paid', async () => {
      const { status } = await this.#lightning.client.pay(invoicePayment(invoice, FEE_LIMIT_MSAT))
      return status === 'succeeded'
    })
  }

  async #status(path: string, wanted: readonly string[]): Promise<void> {
    await this.#until(`${path} is ${wanted.join(' or ')}`, async () => {
      const { status } = await this.#client.get(path)
      return wanted.includes(String(status))
    })
  }

  /** Asks again until there is an answer with that field. */
  async #field(
    what: string,
    name: string,
    ask: () => Promise<{ status: number; headers: Headers; json: Json }>,
  ): Promise<string> {
    let value: unknown
    await this.#until(what, async () => {
      value = must(await ask())[name]
      return typeof value === 'string'
    })
    return String(value)
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

const crashable = (stack: Stack) => ({ INFERNET_CRASH_FILE: stack.file('crash') })

const sleep = () => new Promise<void>((resolve) => setTimeout(resolve, POLL_MS))
