import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { edgeBalances } from './edge-balances.ts'

const TOKEN = 'operator-token'
const ANSWERS: Readonly<Record<string, [status: number, body: string]>> = {
  '/operator/balances/acct_a': [200, '{"available_msat":"-5","reserved_msat":"12","open_jobs":1}'],
  '/operator/balances/acct_odd': [200, '{"available_msat":5}'],
  '/operator/balances/acct_cut': [200, '{"avail'],
}

describe('the live balances of an edge', () => {
  let server: Server
  let edge: URL
  beforeAll(async () => {
    server = createServer((request, response) => {
      const isOperator = request.headers.authorization === `Bearer ${TOKEN}`
      const [status, body] = (isOperator && ANSWERS[request.url ?? '']) || [404, '{}']
      response.writeHead(status).end(body)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    edge = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
  afterAll(() => server.close())

  const ask = (account: string, token = TOKEN) =>
    edgeBalances(edge, token).balanceOf(account, AbortSignal.timeout(10_000))

  it('are what is available and what is held', async () => {
    expect(await ask('acct_a')).toBe(7n)
  })

  it.each(['acct_b', 'acct_odd', 'acct_cut', '../ledger'])('say so for %s', async (account) => {
    await expect(ask(account)).rejects.toMatchObject({ code: 'edge_unavailable' })
  })

  it('need the operator’s token', async () => {
    await expect(ask('acct_a', 'other')).rejects.toMatchObject({ code: 'edge_unavailable' })
  })
})
