import { describe, expect, it } from 'vitest'
import { LightningError } from '../lightning/lightning-error.ts'
import { startMetricsServer } from './metrics-server.ts'
import { settlerLog } from './settler-log.ts'
import { SettlerMetrics } from './settler-metrics.ts'

describe('log lines', () => {
  const lines = (json: boolean, simulated: boolean) => {
    const written: string[] = []
    const log = settlerLog({
      json,
      simulated: () => simulated,
      write: (line) => written.push(line),
      now: () => new Date(0),
    })
    log('topup_credited', { payment_hash: 'ab', amount_msat: 5n, reason: undefined })
    log('node_away', { error: new LightningError('unavailable', 'gone') })
    return written
  }

  it('are JSON for programs, and say that the money is simulated', () => {
    const [credited, away] = lines(true, true)
    expect(JSON.parse(credited!)).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      event: 'topup_credited',
      payment_hash: 'ab',
      amount_msat: '5',
      money: 'SIMULATED',
    })
    expect(JSON.parse(away!)).toMatchObject({ error: 'LightningError (unavailable): gone' })
    expect(lines(true, false).join('')).not.toContain('SIMULATED')
  })

  it('are words for people', () => {
    expect(lines(false, true)[0]).toBe(
      '00:00:00 SIMULATED topup credited payment_hash=ab amount_msat=5\n',
    )
    expect(lines(false, false)[0]).toBe('00:00:00 topup credited payment_hash=ab amount_msat=5\n')
  })
})

describe('metrics', () => {
  it('say what went through, what is under way, and what is wrong', async () => {
    let now = 10_000
    const gauges = { leaseHeld: () => true, edgeConnected: () => false, simulated: () => true }
    const metrics = new SettlerMetrics(gauges, () => now)
    metrics.credited(5_000n)
    metrics.payoutSeen('a')
    metrics.payoutSeen('b')
    now += 30_000
    metrics.payoutSeen('b')
    metrics.payoutEnded('a', 'succeeded')
    metrics.loopFailed('orders')
    metrics.loopFailed('orders')
    const server = await startMetricsServer(0, () => metrics.render())
    const url = `http://127.0.0.1:${server.port}`
    const text = await (await fetch(`${url}/metrics`)).text()
    expect((await fetch(`${url}/other`)).status).toBe(404)
    server.close()
    for (const line of [
      'infernet_settler_payouts_in_flight 1',
      'infernet_settler_oldest_payout_seconds 30',
      'infernet_settler_lease_held 1',
      'infernet_settler_edge_connected 0',
      'infernet_settler_simulated 1',
      '# TYPE infernet_settler_credited_msat_total counter',
      'infernet_settler_credited_msat_total 5000',
      'infernet_settler_released_msat_total 0',
      'infernet_settler_payouts_total{outcome="succeeded"} 1',
      'infernet_settler_payouts_total{outcome="failed"} 0',
      'infernet_settler_loop_errors_total{loop="orders"} 2',
    ])
      expect(text.split('\n')).toContain(line)
    metrics.payoutEnded('b', 'failed')
    expect(metrics.render()).toContain('infernet_settler_oldest_payout_seconds 0\n')
  })
})
