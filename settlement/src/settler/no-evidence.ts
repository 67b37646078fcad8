import { sql } from 'drizzle-orm'

/** For an `update provider_specs set`: the evidence against a provider starts anew. */
export const NO_EVIDENCE = sql.raw(`lifetime_low = 0, lifetime_mid = 0, lifetime_high = 0,
  recent_low = 0, recent_mid = 0, recent_high = 0, consecutive_valid = 0, unopened_in_row = 0`)
