import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { askRows, type Database } from '@infernet/settlement/db/database'
import { ACCOUNT_KINDS, type AccountCode } from '@infernet/settlement/ledger/account-code'
import { liveAccount, ownerCode } from '@infernet/settlement/ledger/live-account'
import { sql } from 'drizzle-orm'

const name = fc.stringMatching(/^[a-z0-9_%:\\.-]{0,20}$/)
const prefix = fc.constantFrom('', 'acct_', 'l402_', 'l402', 'l402:', 'l402x', 'L402_')
const kind = fc.constantFrom(...Object.keys(ACCOUNT_KINDS))

export function testLiveAccounts(open: () => Database): void {
  it('names live accounts and their codes as the pure rules do', async () => {
    await fc.assert(
      fc.asyncProperty(prefix, name, kind, async (before, rest, ofKind) => {
        const accountId = before + rest
        const code = `${ofKind}:${rest}` as AccountCode
        const rows = await askRows(
          open(),
          sql`select owner_code(${accountId}), live_account(${code})`,
        )
        expect(rows).toEqual([[ownerCode(accountId), liveAccount(code) ?? null]])
        expect(liveAccount(ownerCode(accountId))).toBe(accountId)
      }),
    )
  })

  it('has no live account for a code without a name', async () => {
    for (const code of ['suspense', 'client', 'l402'] as AccountCode[]) {
      expect(await askRows(open(), sql`select live_account(${code})`)).toEqual([[null]])
      expect(liveAccount(code)).toBeUndefined()
    }
  })
}
