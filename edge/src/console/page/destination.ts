/** Where credit is to go, in the words of `POST /v1/billing/withdrawals`. */
export type Destination =
  | { readonly kind: 'invoice'; readonly invoice: string }
  | { readonly kind: 'address'; readonly lightning_address: string }

/** Of every network; LNURLs begin with `lnurl1`. */
const INVOICE = /^ln(bcrt|bc|tbs|tb|sb)\d*[munp]?1[a-z0-9]+$/i

/** What a person has pasted; undefined where it is neither of the two. */
export function destinationOf(pasted: string): Destination | undefined {
  const text = pasted.trim().replace(/^lightning:(\/\/)?/i, '')
  if (INVOICE.test(text)) return { kind: 'invoice', invoice: text }
  if (/^\S+@\S+\.?\S+$/.test(text) || /^lnurl1[a-z0-9]+$/i.test(text))
    return { kind: 'address', lightning_address: text }
  return undefined
}
