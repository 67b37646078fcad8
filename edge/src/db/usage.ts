import { and, desc, eq, gte, sql } from 'drizzle-orm'
import type { AccountId } from '@infernet/schemas/ids'
import { usage } from '@infernet/schemas/tables'
import { ask, type Database } from '@infernet/settlement/db/database'
import type { DailyUsage } from '../ports.ts'

const day = sql<string>`to_char(${usage.hour} at time zone 'UTC', 'YYYY-MM-DD')`
const sum = (column: typeof usage.costMsat | typeof usage.requests | typeof usage.promptTokens) =>
  sql`sum(${column})`.mapWith(Number)

/** What an account has used since then, a row for each day (UTC) and model: the latest day first, of a day the dearest. */
export const usageByDay = (
  db: Database,
  accountId: AccountId,
  since: Date,
  limit: number,
): Promise<DailyUsage[]> =>
  ask(
    db
      .select({
        date: day,
        model: usage.model,
        requests: sum(usage.requests),
        promptTokens: sum(usage.promptTokens),
        completionTokens: sum(usage.completionTokens),
        costMsat: sum(usage.costMsat),
      })
      .from(usage)
      .where(and(eq(usage.accountId, accountId), gte(usage.hour, since)))
      .groupBy(day, usage.model)
      .orderBy(desc(day), desc(sql`sum(${usage.costMsat})`), usage.model)
      .limit(limit),
  )
