import { describe, expect, it } from 'vitest'
import { newApiKey } from '@infernet/schemas/api-key'
import { newAccountId, type AccountId } from '@infernet/schemas/ids'
import { apiKeys } from '@infernet/schemas/tables'
import { eq } from 'drizzle-orm'
import { createAccount } from '../accounts.ts'
import { createApiKey, findApiKey, revokeApiKey } from '../api-keys.ts'
import type { Database } from '../database.ts'

const now = new Date('2026-01-02T03:04:05.678Z')

export function testAccounts(open: () => Database): void {
  const newAccount = async () => {
    const id = newAccountId(now.getTime())
    await createAccount(open(), id, 'Ada')
    return id
  }
  const newKey = async (accountId: AccountId) => {
    const { id, hash } = newApiKey()
    return { id, hash, made: await createApiKey(open(), { id, accountId, hash, name: 'laptop' }) }
  }

  describe('accounts and their keys', () => {
    it('finds a key by its public id with what checking it needs', async () => {
      const accountId = await newAccount()
      const { id, hash, made } = await newKey(accountId)
      expect(made).toBe(true)
      expect(await findApiKey(open(), id)).toEqual({
        accountId,
        hash,
        expiresAt: null,
        revokedAt: null,
      })
      await open().update(apiKeys).set({ expiresAt: now }).where(eq(apiKeys.id, id))
      expect((await findApiKey(open(), id))?.expiresAt).toBe(now.getTime())
    })

    it('finds nothing for an unknown id', async () => {
      expect(await findApiKey(open(), newApiKey().id)).toBeUndefined()
    })

    it('makes no key for an account that is not there', async () => {
      const { id, made } = await newKey(newAccountId(0))
      expect(made).toBe(false)
      expect(await findApiKey(open(), id)).toBeUndefined()
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
