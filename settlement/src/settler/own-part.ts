import { sql } from 'drizzle-orm'

/** Of a row of `jobs`: what its provider gave of the answer, msat, our fee included. What others gave before it is theirs. */
export const OWN_PART = sql`cost_msat - coalesce((
    select sum((leg ->> 'costMsat')::bigint) from jsonb_array_elements(prior_legs) as leg
  ), 0)::bigint`
