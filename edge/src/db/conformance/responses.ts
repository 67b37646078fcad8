import { count, eq } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { newAccountId, newJobId, type AccountId } from '@infernet/schemas/ids'
import { responses } from '@infernet/schemas/tables'
import type { StoredResponse } from '../../ports.ts'
import { createAccount } from '../accounts.ts'
import type { Database } from '@infernet/settlement/db/database'
import { deleteResponse, findResponse, PURGED_PER_WRITE, storeResponse } from '../responses.ts'

const NOW = Date.UTC(2026, 0, 2)
const DAY_MS = 86_400_000
const date = (ms: number) => new Date(ms)
const newId = () => newJobId(NOW).replace('job_', 'resp_')

const responseOf = (accountId: AccountId, changes: Partial<StoredResponse> = {}) => ({
  id: newId(),
  accountId,
  createdAt: NOW,
  expiresAt: NOW + DAY_MS,
  response: { status: 'in_progress', output: [{ text: "it's 1 > 0", n: null }] },
  inputItems: [{ type: 'message', content: 'Hi' }, 'text'],
  ...changes,
})

export function testResponses(open: () => Database): void {
  const newAccount = async () => {
    const id = newAccountId(NOW)
    await createAccount(open(), { id, name: 'Ada', limits: {} })
    return id
  }
  const store = async (stored: StoredResponse, now = NOW) => {
    await storeResponse(open(), stored, date(now))
    return stored
  }
  const find = ({ accountId, id }: StoredResponse, now = NOW) =>
    findResponse(open(), accountId, id, date(now))

  describe('stored responses', () => {
    it('are found as they were stored, until they expire', async () => {
      const stored = await store(responseOf(await newAccount()))
      expect(await find(stored)).toEqual(stored)
      expect(await find(stored, stored.expiresAt - 1)).toEqual(stored)
      expect(await find(stored, stored.expiresAt)).toBeUndefined()
    })

    it('are what they were stored as last, however often that is', async () => {
      const first = await store(responseOf(await newAccount()))
      const last = {
        ...first,
        response: { status: 'completed' },
        inputItems: [],
        createdAt: NOW + 1,
      }
      await Promise.all([store(last), store(last)])
      expect(await find(first)).toEqual(last)
      // Also when the first one has expired, and would have been purged.
      const late = { ...last, expiresAt: NOW + 9 * DAY_MS }
      await store(late, NOW + 5 * DAY_MS)
      expect(await find(first, NOW + 5 * DAY_MS)).toEqual(late)
    })

    it("are nobody else's to read, change or delete", async () => {
      const stored = await store(responseOf(await newAccount()))
      const thief = { ...stored, accountId: await newAccount(), response: 'mine' }
      expect(await find(thief)).toBeUndefined()
      await store(thief)
      expect(await deleteResponse(open(), thief.accountId, stored.id)).toBe(false)
      expect(await find(stored)).toEqual(stored)
    })

    it('are deleted once', async () => {
      const { accountId, id } = await store(responseOf(await newAccount()))
      expect(await deleteResponse(open(), accountId, id)).toBe(true)
      expect(await deleteResponse(open(), accountId, id)).toBe(false)
      expect(await findResponse(open(), accountId, id, date(NOW))).toBeUndefined()
    })

    it('hold what Postgres can hold of text from strangers', async () => {
      const stored = responseOf(await newAccount(), { response: 'a\0b\ud800', inputItems: ['\0'] })
      await store(stored)
      expect(await find(stored)).toMatchObject({ response: 'ab\ufffd', inputItems: [''] })
    })

    it('make room for new ones when they have expired, a few at a time', async () => {
      const accountId = await newAccount()
      const rows = async () => {
        const own = eq(responses.accountId, accountId)
        const [row] = await open().select({ n: count() }).from(responses).where(own)
        return row?.n
      }
      const old = Array.from({ length: PURGED_PER_WRITE + 2 }, () => responseOf(accountId))
      for (const response of old) await store(response)
      // Expired rows of others' tests may be in the way.
      for (let write = 0; write < 3; write++) {
        await store(responseOf(accountId, { expiresAt: NOW + 9 * DAY_MS }), NOW + 2 * DAY_MS)
      }
      expect(await rows()).toBe(3)
    })
  })
}
