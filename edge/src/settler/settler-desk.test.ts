import { InvoiceAskError, type InvoiceAskErrorCode } from '../hub/invoice-asks.ts'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CLOSE } from '@infernet/schemas/close-codes'
import {
  edgeMessageSchema,
  MAX_SETTLER_ASKS,
  type EdgeMessage,
  type SettlerAsk,
} from '@infernet/schemas/settler-wire'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { newProviderKey } from '../testing/fake-provider.ts'
import { MemoryBilling } from '../testing/memory-billing.ts'
import { ALICE, openAccounts } from '../testing/node-accounts.ts'
import { SettlerDesk } from './settler-desk.ts'
import { SettlerAskError } from './settler-error.ts'
import { settlerTasks, type SettlerTasks } from './settler-tasks.ts'

const PEER = newProviderKey().peer

function openDesk(tasks: Partial<SettlerTasks> = {}) {
  const errors: unknown[] = []
  const nothing = async (): Promise<void> => {}
  const all = { transfers: nothing, invoice: async () => 'lnbc1', jobs: nothing, ...tasks }
  const desk = new SettlerDesk(all, (error) => errors.push(error))
  const connect = () => {
    const sent: EdgeMessage[] = []
    const closed: number[] = []
    const link = desk.connected({
      send: (text) => void sent.push(edgeMessageSchema.parse(JSON.parse(text))),
      close: (code) => void closed.push(code),
    })
    const ask = (id: number, body: SettlerAsk) =>
      link.received(JSON.stringify({ type: 'ask', id, ask: body }))
    return { link, sent, closed, ask }
  }
  return { desk, errors, connect }
}

describe('the settler’s connection', () => {
  it('has transfers, invoices and jobs done', async () => {
    const asked: unknown[] = []
    const note = async (what: unknown): Promise<void> => void asked.push(what)
    const invoice = async (ask: unknown) => note(ask).then(() => 'lnbc1')
    const { ask, sent } = openDesk({ transfers: note, jobs: note, invoice }).connect()
    await ask(1, { kind: 'transfers', references: ['a', 'b'] })
    await ask(2, { kind: 'invoice', peer: PEER, payout: 'p', attempt: 1, amount_msat: '7' })
    await ask(3, { kind: 'jobs', jobs: ['j'] })
    const invoiced = { peer: PEER, payout: 'p', attempt: 1, amountMsat: 7n }
    expect(asked).toEqual([['a', 'b'], invoiced, ['j']])
    expect(sent).toEqual([
      { type: 'done', id: 1 },
      { type: 'done', id: 2, bolt11: 'lnbc1' },
      { type: 'done', id: 3 },
    ])
  })

  it('answers a ping, and hears when there is something new', async () => {
    const { desk, connect } = openDesk()
    desk.wake()
    const { link, sent } = connect()
    await link.received('{"type":"ping"}')
    desk.wake()
    expect(sent).toEqual([{ type: 'pong' }, { type: 'wake' }])
    desk.disconnected(link)
    desk.wake()
    expect(sent).toHaveLength(2)
  })

  it('gives way to a newer one, which its end does not disturb', () => {
    const { desk, connect } = openDesk()
    const [old, young] = [connect(), connect()]
    expect(old.closed).toEqual([CLOSE.replaced])
    desk.disconnected(old.link)
    desk.wake()
    expect([old.sent, young.sent]).toEqual([[], [{ type: 'wake' }]])
  })

  it('hears why something was not done, but nothing of what is ours alone', async () => {
    const faults = [
      new SettlerAskError('refused', 'x'.repeat(9_999)),
      new DbUnavailable('secret host'),
      new Error('secret'),
    ]
    const left = [...faults]
    const transfers = () => Promise.reject(left.shift()!)
    const { connect, errors } = openDesk({ transfers })
    const { ask, sent } = connect()
    for (const id of [1, 2, 3]) await ask(id, { kind: 'transfers', references: ['a'] })
    expect(sent).toMatchObject([
      { type: 'failed', id: 1, code: 'refused' },
      { type: 'failed', id: 2, code: 'database_unavailable' },
      { type: 'failed', id: 3, code: 'internal' },
    ])
    expect(JSON.stringify(sent)).not.toContain('secret')
    expect(errors).toEqual(faults.slice(1))
  })

  it('has a bounded number of asks under way', async () => {
    const ends: (() => void)[] = []
    const jobs = () => new Promise<void>((resolve) => void ends.push(resolve))
    const { ask, sent } = openDesk({ jobs }).connect()
    const asks = Array.from({ length: MAX_SETTLER_ASKS + 1 }, (_, id) =>
      ask(id, { kind: 'jobs', jobs: ['j'] }),
    )
    await asks.at(-1)
    expect(sent).toMatchObject([{ type: 'failed', id: MAX_SETTLER_ASKS, code: 'busy' }])
    for (const end of ends) end()
    await Promise.all(asks)
    expect(sent.filter(({ type }) => type === 'done')).toHaveLength(MAX_SETTLER_ASKS)
    const again = ask(999, { kind: 'jobs', jobs: ['j'] })
    ends.at(-1)?.()
    await again
    expect(sent.at(-1)).toEqual({ type: 'done', id: 999 })
  })

  it('is closed for whatever is no message', async () => {
    const garbage = fc.oneof(
      fc.string(),
      fc.json(),
      fc.uint8Array(),
      fc.constant(`{"type":"ask","id":1,"ask":{"kind":"transfers","references":[]}}`),
      fc.constant(`{"type":"ask","id":-1,"ask":{"kind":"jobs","jobs":["a"]}}`),
      fc.constant(`{"type":"ping","x":"${'x'.repeat(70_000)}"}`),
    )
    await fc.assert(
      fc.asyncProperty(garbage, async (data) => {
        const { link, sent, closed } = openDesk().connect()
        await link.received(data)
        expect(sent).toEqual([])
        expect(closed).toEqual([CLOSE.protocol])
      }),
    )
  })
})

describe('the settler’s tasks', () => {
  it('tell live balances, run jobs, and ask agents', async () => {
    const billing = new MemoryBilling()
    const { accounts, sql } = openAccounts()
    billing.tell('inv:ab', ALICE, 5n)
    const ran: string[] = []
    let answer: () => Promise<string> = async () => 'lnbc1'
    const tasks = settlerTasks({
      accounts,
      billing,
      hub: { askInvoice: () => answer() },
      jobs: async (jobs) => void ran.push(...jobs),
    })
    await tasks.transfers(['inv:ab'])
    expect((await accounts.balance(ALICE)).availableMsat).toBe(5)
    await tasks.jobs(['j'])
    expect(ran).toEqual(['j'])
    const ask = { peer: PEER, payout: 'p', attempt: 1, amountMsat: 7n }
    expect(await tasks.invoice(ask)).toBe('lnbc1')
    await expect(tasks.invoice({ ...ask, peer: 'nobody' })).rejects.toMatchObject({
      code: 'refused',
    })
    const told = { offline: 'unavailable', refused: 'refused', busy: 'busy', timeout: 'timeout' }
    for (const [code, expected] of Object.entries(told)) {
      answer = () => Promise.reject(new InvoiceAskError(code as InvoiceAskErrorCode, 'so'))
      await expect(tasks.invoice(ask)).rejects.toMatchObject({ code: expected, message: 'so' })
    }
    await accounts.close()
    sql.close()
  })
})
