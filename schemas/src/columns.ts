import { bigint, timestamp } from 'drizzle-orm/pg-core'

/** Columns that tables have in common. */

export const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })
/** Integer msat. */
export const amount = (name: string) => bigint(name, { mode: 'bigint' })
