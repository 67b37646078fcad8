// One settler is frozen right before it pays, for longer than its lease; another takes over. What the first
// one would still do when it goes on is the danger that leases are about.
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Service } from '../processes.ts'
import { Stack, until } from '../stack.ts'
import { MoneyClient } from './money-client.ts'
import { armCrash, reconcile, spawnSettler } from './settler-process.ts'
import { clientInvoice, simulatedLightning, type TestLightning } from './test-lightning.ts'

/** Long enough that the second settler still has it when the first has gone on, on a busy machine. */
const LEASE_SECONDS = 6
/** `EXIT.leaseLost`: start it again, it waits for its turn. */
const LEASE_LOST = 75

/** Each settler has a file of its own, and one plan in it. */
const PLAN = 1

describe('two settlers on one node', () => {
  let lightning: TestLightning
  let stack: Stack
  const settlers: Service[] = []

  beforeAll(async () => {
    lightning = await simulatedLightning()
    stack = await Stack.start('node', 18_560)
  })
  afterAll(async () => {
    for (const settler of settlers) await settler.kill()
    await stack?.stop()
    await lightning?.stop()
  })

  /** A settler that freezes itself the first time that it comes to `step`. */
  function freezing(name: string, step: string) {
    const file = stack.file(`crash-${name}`)
    const env = { INFERNET_CRASH_FILE: file }
    const settler = spawnSettler(stack, lightning, env, { leaseSeconds: LEASE_SECONDS })
    settlers.push(settler)
    armCrash(file, { id: PLAN, step, pids: [settler.pid], signal: 'SIGSTOP' })
    return {
      settler,
      frozen: () => until(`${name} is frozen`, () => existsSync(`${file}.${PLAN}`)),
    }
  }

  it('pay once, though the first goes on after its lease', async () => {
    const first = freezing('first', 'paying')
    await first.settler.line((line) => line['ready'] === true)
    const second = freezing('second', 'tracking')
    const waiting = second.settler.line((line) => line['event'] === 'lease_waiting')
    const { apiKey } = await stack.createClient('1000000')
    const client = new MoneyClient(stack, apiKey)
    await waiting
    const bolt11 = await clientInvoice(lightning, 500_000n)
    const { paymentHash } = await lightning.operatorNode.decode(bolt11)
    const { id } = await client.post('/billing/withdrawals', { invoice: bolt11 })
    await first.frozen()
    await second.frozen()

    first.settler.process.kill('SIGCONT')
    await first.settler.ended()
    expect(first.settler.process.exitCode).toBe(LEASE_LOST)
    expect(await lightning.operatorNode.track(paymentHash)).toEqual({ status: 'not_found' })

    second.settler.process.kill('SIGCONT')
    const paid = await client.untilStatus(`/billing/withdrawals/${String(id)}`, 'succeeded')
    expect(paid).toMatchObject({ amount_msat: '500000' })
    expect(await lightning.client.lookupInvoice(paymentHash)).toMatchObject({
      state: 'settled',
      paidMsat: 500_000n,
    })
    const { code, output } = await reconcile(stack, lightning)
    expect({ code, output }).toMatchObject({ code: 0 })
  })
})
