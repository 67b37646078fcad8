import type { SqlPort } from '../ports.ts'
import { LedgerError } from './ledger-error.ts'

/** Throws {@link LedgerError} `corrupt` when the sums of an account or a key disagree with its holds. */
export function auditLedger(sql: SqlPort): void {
  const [broken] = sql.exec(
    `select a.id as id from account a
     left join (
       select account, sum(amount) as amount, count(*) as n from hold where record is null group by account
     ) h on h.account = a.id
     where a.reserved <> coalesce(h.amount, 0) or a.open_holds <> coalesce(h.n, 0)
     union all
     select k.api_key from key_spend k
     left join (
       select account, api_key, sum(amount) as amount, count(*) as n
       from hold where record is null and api_key is not null group by account, api_key
     ) h on h.account = k.account and h.api_key = k.api_key
     where k.reserved <> coalesce(h.amount, 0) or k.open_holds <> coalesce(h.n, 0)
     limit 1`,
  )
  if (broken !== undefined)
    throw new LedgerError('corrupt', `holds and balance disagree for ${String(broken['id'])}`)
}
