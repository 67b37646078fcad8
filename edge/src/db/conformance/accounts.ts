import { describe, expect, it } from 'vitest'
import { newApiKey } from '@infernet/schemas/api-key'
import { newAccountId, type AccountId } from '@infernet/schemas/ids'
import { UNLIMITED, type SpendLimits } from '../../ports.ts'
import { ACCOUNT_DEFAULTS } from '../../testing/spend-limits.ts'
import { changeAccount, createAccount, findAccount } from '../accounts.ts'
import { changeApiKey, createApiKey, findApiKey, revokeApiKey } from '../api-keys.ts'
import type { Database } from '@infernet/settlement/db/database'

const now = new Date('2026-01-02T03:04:05.678Z')
const LIMITS: SpendLimits = {
  requestsPerMinute: 60,
  tokensPerMinute: 2 ** 31 - 1,
  maxConcurrent: 0,
  budgetMsatPerDay: Number.MAX_SAFE_INTEGER,
}

export function testAccounts(open: () => Database): void {
  const newAccount = async (limits: Partial<SpendLimits> = {}) => {
    const id = newAccountId(now.getTime())
    await createAccount(open(), { id, name: 'Ada', limits })
    return id
  }
  const newKey = async (
    accountId: AccountId,
    limits: Partial<SpendLimits> = {},
    expiresAt: number | null = null,
  ) => {
    const { id, hash } = newApiKey()
    const key = { id, accountId, hash, name: 'laptop', expiresAt, limits }
    return { id, hash, made: await createApiKey(open(), key) }
  }
  const limitsOf = async (key: Awaited<ReturnType<typeof newKey>>) =>
    (await findApiKey(open(), key.id))?.limits

  describe('accounts and their keys', () => {
    it('finds a key by its public id with what checking it needs', async () => {
      const accountId = await newAccount()
      const { id, hash, made } = await newKey(accountId)
      expect(made).toEqual(UNLIMITED)
      expect(await findApiKey(open(), id)).toEqual({
        accountId,
        hash,
        expiresAt: null,
        revokedAt: null,
        limits: { key: UNLIMITED, account: ACCOUNT_DEFAULTS },
      })
      const dated = await newKey(accountId, {}, now.getTime())
      expect((await findApiKey(open(), dated.id))?.expiresAt).toBe(now.getTime())
    })

    it('finds nothing for an unknown id', async () => {
      expect(await findApiKey(open(), newApiKey().id)).toBeUndefined()
    })

    it('makes no key for an account that is not there', async () => {
      const { id, made } = await newKey(newAccountId(0))
      expect(made).toBeUndefined()
      expect(await findApiKey(open(), id)).toBeUndefined()
    })

    it('gives a key and its account the limits that they were made with', async () => {
      const id = newAccountId(now.getTime())
      const made = await createAccount(open(), { id, name: 'Ada', limits: LIMITS })
      expect(made).toEqual(LIMITS)
      const key = await newKey(id, { budgetMsatPerDay: 0 })
      expect(key.made).toEqual({ ...UNLIMITED, budgetMsatPerDay: 0 })
      expect(await limitsOf(key)).toEqual({ key: key.made, account: LIMITS })
    })

    it('changes only the limits that are named, of one key or account only', async () => {
      const id = await newAccount()
      const [key, other] = [await newKey(id, LIMITS), await newKey(await newAccount(), LIMITS)]
      const keyLimits = await changeApiKey(open(), key.id, { maxConcurrent: 3 })
      expect(keyLimits).toEqual({ ...LIMITS, maxConcurrent: 3 })
      const accountLimits = await changeAccount(open(), id, {
        maxConcurrent: null,
        tokensPerMinute: 9,
      })
      expect(accountLimits).toEqual({ ...UNLIMITED, tokensPerMinute: 9 })
      expect(await limitsOf(key)).toEqual({ key: keyLimits, account: accountLimits })
      expect(await limitsOf(other)).toEqual({ key: LIMITS, account: ACCOUNT_DEFAULTS })
    })

    it('finds an account by its id, with its name and limits', async () => {
      const id = await newAccount({ maxConcurrent: 3 })
      const limits = { ...ACCOUNT_DEFAULTS, maxConcurrent: 3 }
      expect(await findAccount(open(), id)).toEqual({ name: 'Ada', limits })
      expect(await findAccount(open(), newAccountId(0))).toBeUndefined()
    })

    it('changes nothing that is not there', async () => {
      expect(await changeAccount(open(), newAccountId(0), LIMITS)).toBeUndefined()
      expect(await changeApiKey(open(), newApiKey().id, LIMITS)).toBeUndefined()
    })

    it('revokes a key once, and only for its own account', async () => {
      const accountId = await newAccount()
      const { id } = await newKey(accountId)
      expect(await revokeApiKey(open(), await newAccount(), id, now)).toBe(false)
      expect((await findApiKey(open(), id))?.revokedAt).toBeNull()
      expect(await revokeApiKey(open(), accountId, id, now)).toBe(true)
      expect(await revokeApiKey(open(), accountId, id, new Date())).toBe(false)
      expect((await findApiKey(open(), id))?.revokedAt).toBe(now.getTime())
    })
  })
}
