import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newAccountId } from '@infernet/schemas/ids'
import { ledgerAccounts } from '@infernet/schemas/tables'
import { ACCOUNT_KINDS, kindOf, type AccountCode } from '@infernet/settlement/ledger/account-code'
import { Balances } from '@infernet/settlement/ledger/balances'
import { splitFee } from '@infernet/settlement/ledger/fee'
import { posting, PostingError, type Posting } from '@infernet/settlement/ledger/posting'
import { eq, sql } from 'drizzle-orm'
import { askRows, type Database } from '@infernet/settlement/db/database'
import { writeLedgerEvents } from '../ledger-events.ts'
import { balancesOf } from '../ledger.ts'
import { post, PostRefused } from '@infernet/settlement/db/post'
import { FEE_BPS, finishedJob, fundedBatch } from './fixtures.ts'

const AT = new Date('2026-01-02T03:04:05.678Z')

/** Names that no other test has. */
const newName = (): string => newAccountId(0)
const grant = (account: AccountCode, amount: bigint, key = `test:${newName()}`): Posting =>
  posting(key, 'grant', [
    ['equity:operator', -amount],
    [account, amount],
  ])
const spend = (from: AccountCode, amount: bigint, key = `test:${newName()}`): Posting =>
  posting(key, 'capture', [
    [from, -amount],
    ['revenue:fee', amount],
  ])

export function testPost(open: () => Database): void {
  const send = (event: Posting) => post(open(), event, AT)
  const balanceOf = async (code: AccountCode) => (await balancesOf(open(), [code])).get(code)
  const newClient = async (amount: bigint) => {
    const code = `client:${newName()}` as const
    await send(grant(code, amount))
    return code
  }

  describe('post', () => {
    it('posts an event once, and makes the accounts it names', async () => {
      const client = `client:${newName()}` as const
      const event = grant(client, 2n ** 60n)
      expect(await send(event)).toBe('posted')
      expect(await send(event)).toBe('replayed')
      expect(await balanceOf(client)).toBe(2n ** 60n)
    })

    it('gives an account the rules of its kind', async () => {
      const codes = Object.keys(ACCOUNT_KINDS).map((kind) => `${kind}:${newName()}` as AccountCode)
      for (const code of codes) {
        await send(
          posting(`test:${newName()}`, 'suspense', [
            [code, 1n],
            ['asset:ln', -1n],
          ]),
        )
        const rows = await open().select().from(ledgerAccounts).where(eq(ledgerAccounts.code, code))
        const { mustCover, tracked } = ACCOUNT_KINDS[kindOf(code)]
        expect(rows).toMatchObject([{ code, mustCover, tracked, balance: tracked ? 1n : 0n }])
      }
    })

    it.each([
      ['unbalanced', [['client:x', 1n]]],
      [
        'unbalanced',
        [
          ['client:x', 2n],
          ['client:x', -2n],
        ],
      ],
      ['unbalanced', []],
      [
        'unknown_account',
        [
          ['savings:x', 1n],
          ['asset:ln', -1n],
        ],
      ],
    ] as const)('refuses what is %s: %o', async (code, lines) => {
      const key = `test:${newName()}`
      const entries = lines.map(([account, amount]) => ({
        account: account as AccountCode,
        amount,
      }))
      await expect(send({ key, kind: 'grant', entries })).rejects.toMatchObject({
        name: 'PostRefused',
        code,
      })
      expect(await askRows(open(), sql`select id from journal where key = ${key}`)).toEqual([])
    })

    it('refuses an entry of nothing', async () => {
      const entries = [
        { account: 'asset:ln', amount: 0n },
        { account: 'suspense', amount: 0n },
      ] as const
      await expect(
        send({ key: `test:${newName()}`, kind: 'suspense', entries }),
      ).rejects.toMatchObject({ code: '23514', constraint: 'entries_not_zero' })
    })

    it('refuses a known key with other entries', async () => {
      const client = await newClient(10n)
      const event = spend(client, 3n)
      await send(event)
      const others = [
        spend(client, 4n, event.key),
        grant(client, 3n, event.key),
        { ...event, kind: 'grant' as const },
        posting(event.key, 'capture', [
          [client, -3n],
          ['revenue:fee', 2n],
          ['suspense', 1n],
        ]),
      ]
      for (const other of others) {
        await expect(send(other)).rejects.toMatchObject({ code: 'key_conflict' })
      }
      expect(await balanceOf(client)).toBe(7n)
    })

    it('never takes more than there is, however many try at once', async () => {
      const client = await newClient(500n)
      const spends = await Promise.allSettled(
        Array.from({ length: 200 }, () => send(spend(client, 10n))),
      )
      const refused = spends.filter((outcome) => outcome.status === 'rejected')
      expect(spends.length - refused.length).toBe(50)
      for (const { reason } of refused) {
        expect(reason).toBeInstanceOf(PostRefused)
        expect(reason).toMatchObject({ code: 'uncovered' })
      }
      expect(await balanceOf(client)).toBe(0n)
    })

    it('posts a key once that is sent fifty times at once', async () => {
      const client = await newClient(100n)
      const event = spend(client, 1n)
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => send(event)))
      expect(outcomes.filter((outcome) => outcome === 'posted')).toHaveLength(1)
      expect(await balanceOf(client)).toBe(99n)
    })

    it('makes an account once for as many as name it first', async () => {
      const [client, provider] = [`client:${newName()}`, `provider:${newName()}`] as const
      const events = Array.from({ length: 30 }, (_, n) =>
        n % 2 === 0 ? [client, provider] : [provider, client],
      ).map(([one, other]) =>
        posting(`test:${newName()}`, 'grant', [
          [one!, 1n],
          [other!, 1n],
          ['equity:operator', -2n],
        ]),
      )
      await Promise.all(events.map(send))
      const balances = await balancesOf(open(), [client, provider])
      expect([...balances.values()]).toEqual([30n, 30n])
    })

    it('is what the pure rules are, whatever the order of accounts and writers', async () => {
      const moves = fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.bigInt({ min: 1n, max: 60n })), {
        minLength: 20,
        maxLength: 60,
      })
      await fc.assert(
        fc.asyncProperty(moves, async (plan) => {
          const accounts = await Promise.all(Array.from({ length: 6 }, () => newClient(100n)))
          const sent = plan.map(([from, to, amount]) =>
            from === to
              ? spend(accounts[from]!, amount)
              : posting(`test:${newName()}`, 'grant', [
                  [accounts[from]!, -amount],
                  [accounts[to]!, amount],
                ]),
          )
          // Jobs of an outbox meet them in the same accounts; nobody may wait in a circle.
          const jobs = accounts.map((code) =>
            finishedJob({ accountId: code.slice('client:'.length), costMsat: 5 }),
          )
          const batch = fundedBatch(jobs)
          const [outcomes] = await Promise.all([
            Promise.allSettled(sent.map(send)),
            writeLedgerEvents(open(), batch, FEE_BPS),
            writeLedgerEvents(open(), fundedBatch(jobs.toReversed()), FEE_BPS),
          ])
          const posted = sent.filter((_, n) => outcomes[n]?.status === 'fulfilled')
          for (const outcome of outcomes) {
            if (outcome.status === 'rejected')
              expect(outcome.reason).toMatchObject({ code: 'uncovered' })
          }
          const sums = new Map<AccountCode, bigint>(accounts.map((code) => [code, 100n]))
          for (const { account, amount } of posted.flatMap(({ entries }) => entries)) {
            if (sums.has(account)) sums.set(account, sums.get(account)! + amount)
          }
          expect(await balancesOf(open(), accounts)).toEqual(sums)
        }),
        { numRuns: 5 },
      )
    })

    it('says of one event after another what the journal in memory says', async () => {
      const events = fc.array(
        fc.tuple(fc.nat(2), fc.nat(2), fc.bigInt({ min: 1n, max: 9n }), fc.nat(8)),
        { maxLength: 25 },
      )
      await fc.assert(
        fc.asyncProperty(events, async (plan) => {
          const run = newName()
          const codes = [`client:${run}`, `provider:${run}`, 'suspense'] as const
          const memory = new Balances()
          for (const [from, to, amount, key] of plan) {
            const event =
              from === to
                ? grant(codes[from]!, amount, `test:${run}:${key} ${from} ${amount}`)
                : posting(`test:${run}:${key} ${from} ${to} ${amount}`, 'grant', [
                    [codes[from]!, -amount],
                    [codes[to]!, amount],
                  ])
            expect(await send(event).catch(codeOf)).toBe(outcomeOf(() => memory.post(event)))
          }
          const [client, provider] = codes
          const balances = await balancesOf(open(), [client, provider])
          expect([...balances.values()]).toEqual([memory.of(client), memory.of(provider)])
        }),
        { numRuns: 10 },
      )
    })
  })

  it('rounds the fee as the pure rules do', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
        fc.nat(200),
        async (gross, bps) => {
          const rows = await askRows(
            open(),
            sql`select platform_fee(${String(gross)}::bigint, ${bps}::integer)`,
          )
          expect(rows).toEqual([[String(splitFee(gross, bps).fee)]])
        },
      ),
    )
  })
}

const codeOf = (error: unknown): string => (error as { code: string }).code

function outcomeOf(body: () => string): string {
  try {
    return body()
  } catch (error) {
    if (error instanceof PostingError) return error.code
    throw error
  }
}
