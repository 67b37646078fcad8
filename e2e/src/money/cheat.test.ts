import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Service } from '../processes.ts'
import { Stack, until } from '../stack.ts'
import { MoneyClient, type Json } from './money-client.ts'
import { paidAgentOptions, reconcile, startSettler } from './settler-process.ts'
import { simulatedLightning, type TestLightning } from './test-lightning.ts'

const CHEATING_AGENT = 'e2e/src/cheats/cheating-agent.ts'
const PRICE = 'prompt=500000000,completion=500000000'
/** The beginning of anything, gone on with at random: an answer that the seed decides. */
const WILD = {
  model: 'infernet-demo',
  prompt: 'q',
  temperature: 2,
  top_k: 20,
  top_p: 1,
  min_p: 0,
  max_tokens: 60,
  seed: 7,
}

describe('a provider that cheats, on SIMULATED Lightning', () => {
  let lightning: TestLightning
  let stack: Stack
  let settler: Service
  let client: MoneyClient
  let accountId: string
  let payouts: readonly Json[]

  beforeAll(async () => {
    lightning = await simulatedLightning()
    stack = await Stack.start('node', 18_680)
    settler = await startSettler(stack, lightning)
    payouts = settler.collect((line) => line['event'] === 'payout_succeeded')
    await reconcile(stack, lightning)
    const account = await stack.createClient()
    accountId = account.accountId
    client = new MoneyClient(stack, account.apiKey)
  })
  afterAll(async () => {
    await settler?.kill()
    await stack?.stop()
    await lightning?.stop()
  })

  const options = () => ['--engine', 'llama-cpp', '--price', PRICE, ...paidAgentOptions(lightning)]
  const available = async () => (await stack.settledBalance(accountId)).available

  /** Asks, and waits for the verdict. */
  async function verdictOn(): Promise<{ verdict: unknown; costMsat: number }> {
    const { headers } = await client.ask('POST', '/completions', WILD)
    const receipt = `/receipts/${headers.get('x-infernet-job')}`
    let audit: Json | undefined
    await until('there is a verdict', async () => {
      const { audits } = await client.get(receipt)
      audit = (audits as Json[])[0]
      return audit !== undefined
    })
    const { cost_msat: cost } = await client.get(receipt)
    return { verdict: audit?.['verdict'], costMsat: Number(cost) }
  }

  it('is found out, sent away, not paid, and its client gets everything back', async () => {
    const before = await available()
    const cheating = [...options(), '--cheat', 'own-seed']
    const cheat = await stack.startAgent('cheat', 'infernet-demo', cheating, 1, CHEATING_AGENT)
    const gone = cheat.line((line) => line['event'] === 'gave_up')
    const { verdict, costMsat } = await verdictOn()
    expect(verdict).toBe('fail')
    expect(costMsat).toBeGreaterThan(0)
    await until('the client has its money back', async () => (await available()) === before)
    expect(await gone).toMatchObject({
      reason: expect.stringContaining("not those of 'infernet-demo'"),
    })
    expect((await client.ask('POST', '/completions', WILD)).status).toBe(503)
    expect(payouts).toEqual([])
    const { kinds } = (await stack.operator('GET', '/operator/ledger')) as {
      kinds: { kind: string; balance_msat: string }[]
    }
    for (const { kind, balance_msat: msat } of kinds)
      if (kind.startsWith('provider') || kind === 'revenue:fee') expect(msat).toBe('0')
  })

  it('is not let in again', async () => {
    const options = ['--engine', 'llama-cpp', '--price', PRICE]
    const again = stack.spawnAgent('cheat', options)
    expect(await again.line((line) => line['event'] === 'gave_up')).toMatchObject({
      next_step: expect.stringContaining('docs/verification.md'),
    })
  })

  it('does not keep an honest one from being paid for the same request', async () => {
    const before = await available()
    const honest = await stack.startAgent('honest', 'infernet-demo', options())
    const { verdict, costMsat } = await verdictOn()
    expect(verdict).toBe('pass')
    expect(before - (await available())).toBe(costMsat)
    await until('it is paid', async () => payouts.length > 0)
    await honest.kill()
  })

  it('leaves books behind that agree with the nodes', async () => {
    const { code, output } = await reconcile(stack, lightning)
    expect(output).not.toContain('drift')
    expect(code).toBe(0)
  })
})
