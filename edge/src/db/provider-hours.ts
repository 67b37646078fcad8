import { sql } from 'drizzle-orm'
import { providerHours } from '@infernet/schemas/audit-tables'
import { askRows, toJsonb, type Database } from '@infernet/settlement/db/database'
import type { OnlineHour } from '../reputation/provider-port.ts'

const HOUR_MS = 3_600_000

/**
 * Adds the time that providers were connected, by the hour. A key that was connected in two places at once was not
 * there for longer than an hour in an hour. Rows are written in order, so that two writers never wait for each
 * other in a circle.
 */
export async function addOnlineTime(db: Database, hours: readonly OnlineHour[]): Promise<void> {
  if (hours.length === 0) return
  await askRows(
    db,
    sql`
    insert into ${providerHours} (provider_id, hour, online_ms)
    select "provider", to_timestamp("hour" / 1000.0), least(${HOUR_MS}::bigint, sum("onlineMs"))
    from jsonb_to_recordset(${toJsonb(hours)}::jsonb) as online(
      "provider" text, "hour" bigint, "onlineMs" bigint
    )
    group by "provider", "hour"
    order by "provider", "hour"
    on conflict (provider_id, hour) do update set
      online_ms = least(${HOUR_MS}::bigint, ${providerHours.onlineMs} + excluded.online_ms)`,
  )
}
