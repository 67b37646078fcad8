import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { PeerId } from '@infernet/schemas/peer-id'
import { providers } from '@infernet/schemas/tables'
import type { Capability } from '@infernet/schemas/wire'
import { ask, askRows, toJsonb, type Database } from '@infernet/settlement/db/database'

/** Notes what a provider said it can do at `seenAt`. A stale note changes nothing. */
export async function recordProvider(
  db: Database,
  id: PeerId,
  capability: Capability,
  seenAt: Date,
): Promise<void> {
  const document = sql`${toJsonb(capability)}::jsonb`
  await ask(
    db
      .insert(providers)
      .values({ id, capability: document, firstSeenAt: seenAt, lastSeenAt: seenAt })
      .onConflictDoUpdate({
        target: providers.id,
        set: { capability: document, lastSeenAt: seenAt },
        setWhere: sql`${providers.lastSeenAt} <= excluded.last_seen_at`,
      }),
  )
}

const namesSchema = z.array(z.tuple([z.string()]))

/** Names of the models that any provider offered when it was last seen, latest first. */
export async function offeredModels(db: Database, limit: number): Promise<string[]> {
  const statement = sql`
    select model ->> 'id' as name
    from providers, jsonb_array_elements(capability -> 'models') as model
    group by name
    order by max(last_seen_at) desc, name
    limit ${limit}`
  return namesSchema.parse(await askRows(db, statement)).map(([name]) => name)
}
