import { sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { SAFETY_FACTOR } from '@infernet/verification/audit/audit-rate'
import { askRows, type Database } from '../db/database.ts'
import { NO_EVIDENCE } from './no-evidence.ts'
import { OWN_PART } from './own-part.ts'

/** What a slash has taken, msat. */
export interface CarriedOut {
  readonly id: string
  readonly provider: string
  /** Given back to clients, our fee included. */
  readonly refundedMsat: bigint
  /** Kept by the operator. */
  readonly forfeitedMsat: bigint
}

const resultSchema = z
  .array(z.tuple([z.string(), z.string(), z.coerce.bigint(), z.coerce.bigint()]))
  .max(1)

/**
 * Makes one slash final that nobody can appeal against any more, or whose appeal was denied: marks what its provider
 * has not been paid yet, for {@link import('./release-parts.ts').releaseParts} to post, and ends the standing that froze
 * it. All in one statement. Undefined when there is none. The rules are `slash` and `conduct` of verification.
 */
export async function carryOutSlash(db: Database): Promise<CarriedOut | undefined> {
  const [row] = resultSchema.parse(await askRows(db, CARRY_OUT))
  if (row === undefined) return undefined
  const [id, provider, refundedMsat, forfeitedMsat] = row
  return { id, provider, refundedMsat, forfeitedMsat }
}

const isAffected = (part: SQL): SQL =>
  sql`(${part}.model = slash.model and created_at >= affected_from) as is_affected`

/** Not paid, and no audit has decided. */
const isHeld = (lease: SQL): SQL => sql`released_at is null and cost_msat > 0 and slash_id is null
      and not exists (select from audits where audits.lease = ${lease} and verdict in ('pass', 'fail'))`

/**
 * Affected is what the provider answered with this model since it was last beyond doubt; all of that goes back to
 * clients. From the rest it loses κ - 1 times as much, the oldest first, and never more than that.
 */
const CARRY_OUT = sql`
  with slash as materialized (
    select id, provider_id, model, affected_from from slashes
    where state = 'due' or (state = 'open' and appeal_until <= clock_timestamp())
    order by appeal_until limit 1
    for update skip locked
  ), held_job as materialized (
    select jobs.lease, fee_bps, ${isAffected(sql`jobs`)}, ${OWN_PART} as gross
    from slash join jobs on jobs.provider_id = slash.provider_id
    where ${isHeld(sql`jobs.lease`)}
    for update of jobs
  ), held_part as materialized (
    select part.lease, fee_bps, ${isAffected(sql`part`)}, cost_msat as gross
    from slash join earlier_parts as part on part.provider_id = slash.provider_id
    where ${isHeld(sql`part.lease`)}
    for update of part
  ), earned as (
    select lease, is_affected, gross, gross - platform_fee(gross, fee_bps) as net
    from (select * from held_job union all select * from held_part) as held
  ), fine as (
    select ${SAFETY_FACTOR - 1}::bigint * coalesce(sum(net), 0)::bigint as most from earned where is_affected
  ), other as (
    select lease, net, sum(net) over (order by lease) as running from earned where not is_affected
  ), taken as (
    select lease, false as is_forfeit, gross as msat from earned where is_affected
    union all
    select other.lease, true, net from other, fine where running <= most
  ), marked_job as (
    -- A lease begins with the id of its job.
    update jobs set slash_id = slash.id, is_forfeit = taken.is_forfeit
    from taken, slash where jobs.id = split_part(taken.lease, '.', 1) and jobs.lease = taken.lease
  ), marked_part as (
    update earlier_parts as part set slash_id = slash.id, is_forfeit = taken.is_forfeit
    from taken, slash where part.lease = taken.lease
  ), stands as (
    -- One who is slashed for the first time may come back, and is watched.
    update provider_conduct set
      standing = case standing when 'slashed' then 'watched' else standing end,
      since = clock_timestamp(), slash_id = null
    from slash where provider_conduct.slash_id = slash.id
  ), anew as (
    update provider_specs set ${NO_EVIDENCE}
    from slash where provider_specs.provider_id = slash.provider_id
  )
  update slashes set state = 'final', decided_at = coalesce(decided_at, clock_timestamp()),
    refunded_msat = (select coalesce(sum(msat), 0)::bigint from taken where not is_forfeit),
    forfeited_msat = (select coalesce(sum(msat), 0)::bigint from taken where is_forfeit)
  from slash where slashes.id = slash.id
  returning slashes.id, slashes.provider_id, refunded_msat, forfeited_msat`
