import type { Posting } from '../ledger/posting.ts'

/** A posting as the SQL function `post_json` takes it. */
export const postingJson = ({ key, kind, entries }: Posting): string =>
  JSON.stringify({
    key,
    kind,
    entries: entries.map(({ account, amount }) => ({ account, amount: String(amount) })),
  })
