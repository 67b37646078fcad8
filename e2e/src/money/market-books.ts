import type { AuditReport, AuditVerdict } from '@infernet/schemas/audit-report'
import { connectDatabase } from '@infernet/settlement/db/connect'

/** What one provider has earned with one lease, and what became of it. Amounts in msat. */
export interface Leg {
  readonly job: string
  readonly provider: string
  readonly accountId: string
  readonly grossMsat: bigint
  /** Without our fee. */
  readonly netMsat: bigint
  /** Undefined for one that was not looked at. */
  readonly verdict: AuditVerdict | undefined
  /** A slash has given it back to its client, or to the operator. */
  readonly slash: 'refunded' | 'forfeited' | undefined
  /** It was selected, and neither found good nor bad: it waits ten minutes for that. */
  readonly isAwaited: boolean
}

/** What the journal has of a provider, msat. */
export interface ProviderBooks {
  readonly heldMsat: bigint
  readonly payableMsat: bigint
  readonly paidMsat: bigint
}

export interface AuditRow {
  readonly provider: string
  readonly verdict: AuditVerdict
  readonly report: AuditReport
}

/** The tables that the assertions are about, as they are now. */
export interface MarketBooks {
  readonly legs: readonly Leg[]
  /** In the order of their verdicts. */
  readonly audits: readonly AuditRow[]
  readonly providers: ReadonlyMap<string, ProviderBooks>
}

export async function readBooks(databaseUrl: string): Promise<MarketBooks> {
  const database = connectDatabase(databaseUrl)
  try {
    const legs = await database.query(LEGS, [])
    const audits = await database.query(AUDITS, [])
    const providers = await database.query(PROVIDERS, [])
    return {
      legs: legs.map(legOf),
      audits: audits.map(([provider, verdict, report]) => ({
        provider: String(provider),
        verdict: verdict as AuditVerdict,
        report: JSON.parse(String(report)) as AuditReport,
      })),
      providers: new Map(
        providers.map(([peer, held, payable, paid]) => [
          String(peer),
          { heldMsat: msat(held), payableMsat: msat(payable), paidMsat: msat(paid) },
        ]),
      ),
    }
  } finally {
    await database.close()
  }
}

/** The last leg of a job has what those before it leave of its cost. */
const LEGS = `
  with leg as (
    select lease, job_id as job, provider_id as provider, account_id, cost_msat as gross, fee_bps,
      released_at, held_until, slash_id, is_forfeit
    from earlier_parts
    union all
    select lease, id, provider_id, account_id,
      cost_msat - coalesce((select sum(cost_msat) from earlier_parts where job_id = jobs.id), 0), fee_bps,
      released_at, held_until, slash_id, is_forfeit
    from jobs
  )
  select leg.job, leg.provider, account_id, gross, gross - platform_fee(gross::bigint, fee_bps), audits.verdict,
    case when leg.slash_id is null then null when is_forfeit then 'forfeited' else 'refunded' end,
    released_at is null and coalesce(held_until > clock_timestamp(), false)
  from leg
  left join audits on audits.lease = leg.lease
  where leg.provider is not null and gross > 0
  order by leg.lease`

const AUDITS = 'select provider_id, verdict, report::text from audits order by judged_at'

const PROVIDERS = `
  select split_part(code, ':', 2) as peer,
    coalesce(sum(amount_msat) filter (where code like 'provider_pending:%'), 0),
    coalesce(sum(amount_msat) filter (where code like 'provider:%'), 0),
    coalesce(-sum(amount_msat) filter (where code like 'provider:%' and key like 'po:%'), 0)
  from entries
  join ledger_accounts on ledger_accounts.id = account_id
  join journal on journal.id = journal_id
  where code like 'provider%'
  group by peer`

function legOf(row: readonly unknown[]): Leg {
  const [job, provider, accountId, gross, net, verdict, slash, isAwaited] = row
  return {
    job: String(job),
    provider: String(provider),
    accountId: String(accountId),
    grossMsat: msat(gross),
    netMsat: msat(net),
    verdict: (verdict ?? undefined) as Leg['verdict'],
    slash: (slash ?? undefined) as Leg['slash'],
    isAwaited: isAwaited === true,
  }
}

const msat = (value: unknown): bigint => BigInt(String(value))

/** What clients have paid for for good: not what an audit has failed or a slash has given back. */
export const isStanding = ({ verdict, slash }: Leg): boolean =>
  verdict !== 'fail' && slash !== 'refunded'

/** What providers keep: what stands, and the operator has not taken. */
export const isEarned = (leg: Leg): boolean => isStanding(leg) && leg.slash !== 'forfeited'

export const sumOf = (amounts: readonly bigint[]): bigint =>
  amounts.reduce((sum, amount) => sum + amount, 0n)
