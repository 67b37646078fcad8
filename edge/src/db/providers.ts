import { eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { PeerId } from '@infernet/schemas/peer-id'
import { providers } from '@infernet/schemas/tables'
import { announcementSchema, type Announcement, type Capability } from '@infernet/schemas/wire'
import { ask, askRows, toJsonb, type Database } from '@infernet/settlement/db/database'

/** What a provider has said it can do, and as it was signed; without that the one that is known stays. */
interface Told {
  readonly capability: Capability
  readonly announcement?: Announcement | undefined
}

/** Notes what a provider said it can do at `seenAt`. A stale note changes nothing. */
export async function recordProvider(
  db: Database,
  id: PeerId,
  { capability, announcement }: Told,
  seenAt: Date,
): Promise<void> {
  const document = sql`${toJsonb(capability)}::jsonb`
  const signed =
    announcement === undefined ? {} : { announcement: sql`${toJsonb(announcement)}::jsonb` }
  await ask(
    db
      .insert(providers)
      .values({ id, capability: document, ...signed, firstSeenAt: seenAt, lastSeenAt: seenAt })
      .onConflictDoUpdate({
        target: providers.id,
        set: { capability: document, ...signed, lastSeenAt: seenAt },
        setWhere: sql`${providers.lastSeenAt} <= excluded.last_seen_at`,
      }),
  )
}

/** What a provider signed last of its capability; undefined where nothing is known. */
export async function announcementOf(db: Database, id: PeerId): Promise<Announcement | undefined> {
  const { announcement } = providers
  const rows = await ask(db.select({ announcement }).from(providers).where(eq(providers.id, id)))
  return announcementSchema.nullish().parse(rows[0]?.announcement) ?? undefined
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
