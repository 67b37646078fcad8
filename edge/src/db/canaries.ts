import { sql } from 'drizzle-orm'
import { canaryPrompts } from '@infernet/schemas/audit-tables'
import type { JobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { ENDPOINTS } from '@infernet/schemas/wire'
import { askRows, iso, openDatabase } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { z } from 'zod'
import { MAX_UNUSED_PROMPTS, PROMPT_LIFETIME_MS } from '../canary/canary-limits.ts'
import type { CanaryClaim, CanaryPrompt, CanaryStore } from '../canary/canary-port.ts'

/** {@link CanaryStore} over any Postgres. */
export function postgresCanaries(port: DbPort): CanaryStore {
  const db = openDatabase(port)
  return {
    add: async (prompt) => {
      await askRows(db, add(prompt))
    },
    claim: async (claim) => {
      const [row] = rowsSchema.parse(await askRows(db, take(claim)))
      if (row === undefined) return undefined
      const [job, endpoint, body, provider, at] = row
      return {
        job: job as JobId,
        endpoint,
        model: claim.model,
        body,
        provider: provider as PeerId,
        at,
      }
    },
  }
}

const rowsSchema = z.array(
  z.tuple([z.string(), z.enum(ENDPOINTS), z.string(), z.string(), z.coerce.number()]),
)

/** Of two at once for one model, each may miss that the other is there; the next one sets it right. */
const add = ({ job, endpoint, model, body, provider, at }: CanaryPrompt) => sql`
  with gone as (
    delete from ${canaryPrompts}
    where created_at < ${iso(at - PROMPT_LIFETIME_MS)}::timestamptz or job_id in (
      select job_id from ${canaryPrompts} where model = ${model} and used_at is null
      order by created_at desc, job_id desc offset ${MAX_UNUSED_PROMPTS - 1}::int
    )
  )
  insert into ${canaryPrompts} (job_id, endpoint, model, body, provider_id, created_at)
  select ${job}::text, ${endpoint}::text, ${model}::text, ${body}::text, ${provider}::text, ${iso(at)}::timestamptz
  where not exists (
    -- Their lengths are compared first, so that hardly any text is read.
    select from ${canaryPrompts} where model = ${model} and body = ${body}
  )
  on conflict (job_id) do nothing`

const take = ({ model, provider, canary, now }: CanaryClaim) => sql`
  update ${canaryPrompts} set used_at = ${iso(now)}::timestamptz, canary_job_id = ${canary}
  where used_at is null and job_id = (
    select job_id from ${canaryPrompts}
    where model = ${model} and used_at is null and provider_id <> ${provider}
      and created_at >= ${iso(now - PROMPT_LIFETIME_MS)}::timestamptz
    order by created_at desc, job_id desc limit 1
    for update skip locked
  )
  returning job_id, endpoint, body, provider_id, (extract(epoch from created_at) * 1000)::int8`
