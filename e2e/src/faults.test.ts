import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { viewOf, type View } from './answer-view.ts'
import { FaultProxy, type Fault } from './fault-proxy.ts'
import type { Service } from './processes.ts'
import { SlowEngine } from './slow-engine.ts'
import { bearer, Stack, until } from './stack.ts'

const DEPOSIT = 100_000_000
const WHOLE = 't1 t2 t3 t4 t5 t6 t7 t8 '
/** What a stream has said when it breaks: its role, and the tokens that follow. */
const BEGUN = 't1 t2 t3 '

/** What becomes of an answer that nobody else can give. */
type Verdict = 'whole' | `refused ${number} ${string}` | `broken ${string}`

/** Each fault, alone: of a stream, and of a document; undefined where it makes no difference. */
const VERDICTS: readonly (readonly [Fault, Verdict, Verdict | undefined])[] = [
  ['none', 'whole', 'whole'],
  ['refused', 'refused 502 provider_failed', 'refused 502 provider_failed'],
  ['hang', 'refused 504 provider_timeout', 'refused 504 provider_timeout'],
  ['slow_first_byte', 'whole', 'whole'],
  ['status_429', 'refused 502 provider_failed', 'refused 502 provider_failed'],
  ['status_500', 'refused 502 provider_failed', 'refused 502 provider_failed'],
  ['status_503', 'refused 502 provider_failed', 'refused 502 provider_failed'],
  ['truncated', 'broken provider_failed', 'refused 502 provider_failed'],
  ['cut', 'broken provider_failed', 'refused 502 provider_failed'],
  ['stall', 'broken provider_timeout', 'refused 504 provider_timeout'],
  ['garbage', 'broken provider_failed', 'refused 502 provider_failed'],
  ['missing_usage', 'whole', 'whole'],
  ['duplicate_finish', 'whole', undefined],
  ['keep_alive_close', 'whole', 'whole'],
  ['wrong_type', 'refused 502 provider_failed', 'whole'],
  ['giant', 'broken provider_failed', 'refused 502 provider_failed'],
  ['drip', 'whole', 'whole'],
]
const CASES = VERDICTS.flatMap(([fault, stream, json]) => [
  { fault, stream: true, verdict: stream },
  ...(json === undefined ? [] : [{ fault, stream: false, verdict: json }]),
])

const verdictOf = (view: View): Verdict => {
  if (view.end === 'whole') return 'whole'
  if (view.end === 'broken') return `broken ${String(view.code)}`
  return `refused ${view.status} ${String(view.code)}`
}

/** Everything that an engine can do wrong, on the wire between it and its agent. */
describe('faults of an engine', () => {
  let stack: Stack
  let engine: SlowEngine
  let proxy: FaultProxy
  let faulty: string
  let jobs: readonly Record<string, unknown>[]

  beforeAll(async () => {
    stack = await Stack.start('node', 18_420, {
      acceptMs: 1_000,
      firstByteMs: 700,
      wholeAnswerMs: 700,
      idleMs: 500,
      cancelGraceMs: 200,
    })
    engine = await SlowEngine.start()
    engine.pace = { tokens: 8, gapMs: 1 }
    proxy = await FaultProxy.start(engine.url)
    faulty = await startAgent('faulty', proxy.url, 1)
    await startAgent('healthy', engine.url, 2)
    jobs = stack.edge.collect((line) => line['event'] === 'job')
  })
  afterAll(async () => {
    await stack?.stop()
    if (proxy?.isOpen) await proxy.close()
    await engine?.stop()
  })

  /** An agent that says its engine can go on; returns its name. */
  async function startAgent(name: string, url: string, providers: number): Promise<string> {
    const can = ['--capabilities', 'tools,json_schema,logprobs,seed,continue']
    const args = ['--engine', 'openai-http', '--engine-url', url, ...can]
    const agent: Service = await stack.startAgent(name, 'slow', args, providers)
    return agent.peer
  }

  async function play(fault: Fault): Promise<void> {
    proxy.fault = fault
    if (fault === 'refused') await proxy.close()
    // A connection that has served before, for the one that dies when it is used again.
    if (fault === 'keep_alive_close') await ask({ only: [faulty] }, false)
  }

  async function mend(): Promise<void> {
    proxy.fault = 'none'
    if (proxy.isOpen) return
    await proxy.open()
    // The agent looks for its engine, and tells the edge, a moment later.
    await until('the faulty agent serves again', async () => {
      const { view } = await ask({ only: [faulty] }, false)
      return view.end === 'whole'
    })
    await stack.untilServed('slow', 2)
  }

  /** One request of a new customer, and everything that it left behind. */
  async function ask(provider: object, stream: boolean) {
    const client = await stack.createClient(String(DEPOSIT))
    const answer = await fetch(`${stack.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(client.apiKey), 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'slow',
        messages: [{ role: 'user', content: 'hello' }],
        provider,
        stream,
        ...(stream ? { stream_options: { include_usage: true } } : {}),
      }),
    })
    const view = await viewOf(answer)
    const mine = () => jobs.filter(({ account }) => account === client.accountId)
    await until('the job is told', () => mine().length > 0)
    const balance = await stack.settledBalance(client.accountId)
    const job = mine()[0] ?? {}
    const record = await generation(client.apiKey, String(job['job']))
    return { view, job, jobs: mine(), record, balance }
  }

  async function generation(apiKey: string, id: string): Promise<Generation> {
    const answer = await fetch(`${stack.url}/v1/generation?id=${id}`, { headers: bearer(apiKey) })
    return ((await answer.json()) as { data: Generation }).data
  }

  /** One job, one charge, and no msat made or lost: neither by the client nor among the providers. */
  function expectMoneyConserved({ job, jobs: all, record, balance }: Asked): void {
    expect(all).toHaveLength(1)
    expect(balance.reserved).toBe(0)
    expect(balance.available + Number(job['cost_msat'])).toBe(DEPOSIT)
    expect(record.total_cost).toBe(job['cost_msat'])
    const shares = record.provider_responses.map(({ cost }) => cost)
    expect(shares.reduce((sum, cost) => sum + cost, 0)).toBe(record.total_cost)
  }
  type Asked = Awaited<ReturnType<typeof ask>>

  describe.each(CASES)('$fault, stream: $stream', ({ fault, stream, verdict }) => {
    it(`alone: ${verdict}`, async () => {
      await play(fault)
      const asked = await ask({ only: [faulty] }, stream)
      await mend()
      expect(verdictOf(asked.view)).toBe(verdict)
      expectMoneyConserved(asked)
      if (asked.view.end === 'whole') expect(asked.view.text).toBe(WHOLE)
      // What was delivered of a broken answer is paid for, and nothing else.
      if (asked.view.end === 'broken') expect(asked.view.text).toBe(BEGUN)
      expect(asked.record.total_cost > 0).toBe(asked.view.end !== 'refused')
      expect(asked.job['status']).toBe(verdict === 'whole' ? 'completed' : 'failed')
      expect(asked.job['attempts']).toBe(1)
    })

    it('before a healthy provider: the client notices nothing', async () => {
      await play(fault)
      const asked = await ask({ order: [faulty] }, stream)
      await mend()
      expect(asked.view).toMatchObject({ end: 'whole', text: WHOLE })
      expectMoneyConserved(asked)
      const usage = { prompt_tokens: 7, completion_tokens: 8 }
      if (fault !== 'missing_usage') expect(asked.view).toMatchObject({ usage })
      expect(asked.job).toMatchObject({
        status: 'completed',
        attempts: verdict === 'whole' ? 1 : 2,
      })
      const isContinued = verdict.startsWith('broken')
      expect(asked.record.provider_responses).toHaveLength(isContinued ? 2 : 1)
      expect(asked.record.provider_responses[0]?.provider_name === faulty).toBe(
        isContinued || verdict === 'whole',
      )
      if (isContinued) {
        expect(asked.record.provider_responses[0]).toMatchObject({ tokens_completion: 3 })
        expect(asked.record.provider_responses[1]).toMatchObject({ tokens_completion: 5 })
      }
    })
  })
})

interface Generation {
  readonly total_cost: number
  readonly provider_responses: readonly {
    readonly provider_name: string
    readonly tokens_completion: number
    readonly cost: number
  }[]
}
