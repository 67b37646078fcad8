import { describe, expect, it } from 'vitest'
import { DbUnavailable, type DbPort } from '../db/db-port.ts'
import { openDatabase } from '../db/database.ts'
import { leasedBackend } from './leased-backend.ts'
import { DEFAULT_LEASE_MS, SettlerLease } from './settler-lease.ts'

const NODE = { pubkey: `02${'0'.repeat(64)}`, network: 'regtest', simulated: true } as const

/** A database that answers as told, and a clock that only moves when something waits. */
function rig(answers: (() => unknown[][])[]) {
  let clock = 0
  const slept: number[] = []
  const port: DbPort = {
    query: async () => {
      const answer = answers.shift()
      if (answer === undefined) throw new DbUnavailable('gone')
      return answer()
    },
  }
  const lease = new SettlerLease({
    lastsMs: DEFAULT_LEASE_MS,
    db: openDatabase(port),
    holder: 'us',
    node: NODE,
    monotonic: () => clock,
    sleep: async (ms) => {
      slept.push(ms)
      clock += ms
    },
  })
  return { lease, slept, pass: (ms: number) => (clock += ms) }
}

const never = new AbortController().signal

describe('the lease in this process', () => {
  it('is counted from before the question was sent', async () => {
    const slow = rig([() => (slow.pass(11_000), [['1']])])
    expect(slow.lease.held()).toBe(false)
    expect(await slow.lease.acquire()).toBe(true)
    expect(slow.lease.held()).toBe(true)
    slow.pass(1_000)
    expect(slow.lease.held()).toBe(false)
  })

  it('is renewed every five seconds, and lost before the row is when there is no answer', async () => {
    const { lease, slept } = rig([() => [['3']], () => [['3']]])
    await lease.acquire()
    await expect(lease.keep(never)).rejects.toMatchObject({ code: 'lease_lost' })
    expect(slept).toEqual([5000, 5000, ...Array.from({ length: 7 }, () => 1000)])
    expect(lease.held()).toBe(false)
  })

  it('is lost at once when another has it, or has had it', async () => {
    const taken = rig([() => [['3']], () => []])
    await taken.lease.acquire()
    await expect(taken.lease.keep(never)).rejects.toThrow('Another settler has the lease')
    const between = rig([() => [['3']], () => [['5']]])
    await between.lease.acquire()
    await expect(between.lease.keep(never)).rejects.toThrow('in between')
  })

  it('waits for one that another has', async () => {
    const { lease, slept } = rig([() => [], () => [], () => [['8']]])
    let waiting = 0
    await lease.take(never, () => waiting++)
    expect([lease.epoch, slept, waiting]).toEqual([8, [1000, 1000], 1])
  })

  it('lets nothing be paid without it', async () => {
    const held = { now: true }
    const paid: string[] = []
    const outcome = { status: 'in_flight' } as const
    const backend = leasedBackend(
      {
        pay: async () => (paid.push('pay'), outcome),
        track: async () => outcome,
      },
      { held: () => held.now },
    )
    const order = {
      to: { kind: 'bolt11', bolt11: 'lnbc1' },
      feeLimitMsat: 0n,
      timeoutSeconds: 1,
      cltvLimit: 1,
      maxParts: 1,
    } as const
    expect(await backend.pay(order)).toEqual(outcome)
    held.now = false
    expect(await backend.pay(order)).toMatchObject({ status: 'unknown' })
    expect(await backend.track('00')).toEqual(outcome)
    expect(paid).toEqual(['pay'])
  })
})
