import { sql, type SQL } from 'drizzle-orm'

/** Good verdicts come within minutes of an answer; for what is older, the rule for what nobody looked at is enough. */
export const JUDGED_WITHIN_MS = 3_600_000

/** A standing that nobody has looked at for so long keeps no money any more. */
const FROZEN_FOR = sql.raw(`interval '7 days'`)

/**
 * Whether `provider` is in a bad standing at the time `at`, where `isBad` says which are; a slash that is not final yet
 * freezes all.
 */
export const frozen = (provider: SQL, isBad: SQL, at: SQL): SQL => sql`exists (
  select from provider_conduct
  where provider_conduct.provider_id = ${provider}
    and (provider_conduct.slash_id is not null
      or (${isBad} and standing <> 'banned' and since > ${at} - ${FROZEN_FOR})))`
