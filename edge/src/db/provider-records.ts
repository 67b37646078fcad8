import { sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, iso, openDatabase, type Database } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { HALF_LIFE_MS } from '@infernet/verification/reputation/decayed-counts'
import {
  LOOK_BACK_MS,
  MAX_AUDITS_LOOKED_AT,
  MAX_JOBS_LOOKED_AT,
  MAX_LEGS_LOOKED_AT,
  MAX_RANKED_PROVIDERS,
  type ProviderRecord,
  type ProviderStore,
} from '../reputation/provider-port.ts'
import { addOnlineTime } from './provider-hours.ts'
import { providerRowsSchema } from './provider-record-rows.ts'
import { announcementOf } from './providers.ts'

/** {@link ProviderStore} over any Postgres. `now` in ms since the epoch. */
export function postgresProviders(port: DbPort, now: () => number): ProviderStore {
  const db = openDatabase(port)
  return {
    addOnlineTime: (hours) => addOnlineTime(db, hours),
    findProvider: async (id) => {
      const [found] = await recordsOf(db, [id], now())
      return found
    },
    announcementOf: (id) => announcementOf(db, id),
    latestProviders: async () => {
      const ids = idsSchema.parse(await askRows(db, LATEST)).map(([id]) => id)
      const records: ProviderRecord[] = []
      for (let at = 0; at < ids.length; at += MAX_PER_STATEMENT) {
        const some = ids.slice(at, at + MAX_PER_STATEMENT)
        records.push(...(await recordsOf(db, some, now())))
      }
      return records
    },
  }
}

/**
 * Providers read in one statement. Few, so that none takes long, and that Postgres doesn't take it to be worth
 * compiling, which would take longer still.
 */
const MAX_PER_STATEMENT = 20
const HALF = MAX_RANKED_PROVIDERS / 2

const idsSchema = z.array(z.tuple([z.string()]))

const LATEST = sql`
  (select provider_id from provider_specs
    group by provider_id order by max(updated_at) desc limit ${HALF}::int)
  union
  (select id from providers order by last_seen_at desc limit ${HALF}::int)`

const recordsOf = async (
  db: Database,
  ids: readonly string[],
  now: number,
): Promise<ProviderRecord[]> =>
  providerRowsSchema.parse(await askRows(db, read(ids, now))).map(([record]) => record)

/** Who ended a job with one of these has failed it; what else ends a job is its client's doing, or ours. */
const FAULTS = sql`('provider_failed', 'provider_timeout')`

/**
 * One document per provider. All that is read of a provider is bounded: its latest jobs and audits by their indexes,
 * its hours by the key. What others had to finish is looked for among the edge's latest jobs.
 */
function read(ids: readonly string[], now: number): SQL {
  const at = sql`${iso(now)}::timestamptz`
  const from = sql`${iso(now - LOOK_BACK_MS)}::timestamptz`
  return sql`
  with chosen as (
    select id, capability, first_seen_at, last_seen_at from providers
    where id = any(${sql.param(ids)}::text[]) and capability ->> 'role' is distinct from 'verifier'
  ), part as materialized (
    select leg ->> 'providerId' as provider_id, created_at
    from (
      select prior_legs, created_at from jobs order by id desc limit ${MAX_LEGS_LOOKED_AT}::int
    ) as latest, jsonb_array_elements(latest.prior_legs) as leg
    where latest.prior_legs is not null
  )
  select jsonb_build_object(
    'id', chosen.id,
    'models', chosen.capability -> 'models',
    'slots', chosen.capability -> 'slots',
    'hardware', chosen.capability -> 'hardware',
    'firstSeenAt', ${ms('chosen.first_seen_at')},
    'lastSeenAt', ${ms('greatest(chosen.last_seen_at, online.last_hour)')},
    'standing', coalesce(conduct.standing, 'clear'),
    'standingSince', ${ms('conduct.since')},
    'offences', coalesce(conduct.offences, 0),
    'onlineMs', coalesce(online.online_ms, 0),
    'audits', coalesce(audited.audits, '[]'),
    'jobs', recent.jobs || jsonb_build_object(
      'speeds', coalesce(paced.speeds, '[]'),
      'parts', (
        select count(*) from part
        where part.provider_id = chosen.id and part.created_at >= greatest(${from}, recent.since)
      )
    )
  )
  from chosen
  left join provider_conduct as conduct on conduct.provider_id = chosen.id
  left join lateral (
    select sum(online_ms) as online_ms, max(hour) as last_hour from provider_hours
    where provider_id = chosen.id and hour >= ${from}
  ) as online on true
  left join lateral (${audited(at)}) as audited on true
  left join lateral (${recent(from)}) as recent on true
  left join lateral (${paced(from)}) as paced on true`
}

const ms = (time: string): SQL => sql.raw(`(extract(epoch from ${time}) * 1000)::bigint`)

const latestJobs = (from: SQL): SQL => sql`
  select * from jobs
  where provider_id = chosen.id and created_at >= ${from}
  order by created_at desc limit ${MAX_JOBS_LOOKED_AT}::int`

/** Waits are those of jobs that were given to nobody else before; others were slow for another's sake. */
const recent = (from: SQL): SQL => sql`
  select min(job.created_at) as since, jsonb_build_object(
    'since', ${ms('min(job.created_at)')},
    'completed', count(*) filter (where job.status = 'completed'),
    'failed', count(*) filter (where job.status = 'failed' and job.error_code in ${FAULTS}),
    'promptTokens', coalesce(sum(job.prompt_tokens - ${ofParts('promptTokens')}), 0),
    'completionTokens', coalesce(sum(job.completion_tokens - ${ofParts('completionTokens')}), 0),
    'firstByteMs', to_jsonb(percentile_disc(array[0.5, 0.9, 0.99]) within group (order by job.first_byte_ms)
      filter (where job.stream and job.attempts = 1)),
    'totalMs', to_jsonb(percentile_disc(array[0.5, 0.9, 0.99]) within group (order by job.total_ms)
      filter (where job.status = 'completed' and job.attempts = 1))
  ) as jobs
  from (${latestJobs(from)}) as job`

const ofParts = (field: 'promptTokens' | 'completionTokens'): SQL =>
  sql.raw(`case when job.prior_legs is null then 0 else (
      select sum((leg ->> '${field}')::bigint) from jsonb_array_elements(job.prior_legs) as leg
    ) end`)

const paced = (from: SQL): SQL => sql`
  select jsonb_agg(jsonb_build_object(
    'model', pace.model,
    'jobs', pace.jobs,
    'firstTokenMs', pace.first_token_ms,
    'tokensPerSecond', pace.tokens_per_second
  )) as speeds
  from (
    select job.model, count(*) as jobs,
      percentile_disc(0.5) within group (order by job.first_byte_ms) as first_token_ms,
      percentile_disc(0.5) within group (order by job.completion_tokens * 1000.0 / greatest(1, job.total_ms))
        as tokens_per_second
    from (${latestJobs(from)}) as job
    where job.stream and job.attempts = 1 and job.status = 'completed' and job.first_byte_ms is not null
    group by job.model
  ) as pace`

/** A verdict is worth half after a half-life, as in `decayed-counts.ts` of verification. */
const audited = (at: SQL): SQL => sql`
  select jsonb_agg(jsonb_build_object(
    'spec', spec.spec,
    'passed', spec.passed,
    'failed', spec.failed,
    'unopened', spec.unopened,
    'inconclusive', spec.inconclusive,
    'consecutiveValid', spec.consecutive_valid,
    'lifetime', jsonb_build_array(spec.lifetime_low, spec.lifetime_mid, spec.lifetime_high),
    'recent', jsonb_build_array(spec.recent_low, spec.recent_mid, spec.recent_high),
    'lately', jsonb_build_object(
      'passed', coalesce(lately.passed, 0),
      'failed', coalesce(lately.failed, 0),
      'unopened', coalesce(lately.unopened, 0)
    )
  )) as audits
  from provider_specs as spec
  left join (
    select spec,
      sum(weight) filter (where verdict = 'pass') as passed,
      sum(weight) filter (where verdict = 'fail') as failed,
      sum(weight) filter (where verdict = 'unopened') as unopened
    from (
      select spec, verdict, power(2::float8,
        -greatest(0, extract(epoch from ${at} - judged_at)::float8 * 1000) / ${HALF_LIFE_MS}::float8) as weight
      from audits
      where provider_id = chosen.id
      order by judged_at desc limit ${MAX_AUDITS_LOOKED_AT}::int
    ) as verdicts
    group by spec
  ) as lately on lately.spec = spec.spec
  where spec.provider_id = chosen.id`
