import { splitLightningAddress } from '@infernet/schemas/lightning-address'
import { bech32 } from '@scure/base'
import { LnurlError } from './lnurl-error.ts'

/** A URL of 1,200 bytes; real ones have about 100. */
const MAX_LNURL_LENGTH = 2000

/**
 * Where to ask for the terms of a payment: of a Lightning address `user@host` (LUD-16) or of an LNURL
 * in bech32 (LUD-01). Throws {@link LnurlError} `address`.
 */
export function payUrl(destination: string): URL {
  const text = destination.trim().toLowerCase()
  const address = splitLightningAddress(text)
  if (address !== undefined)
    return new URL(`https://${address.host}/.well-known/lnurlp/${encodeURIComponent(address.user)}`)
  if (text.startsWith('lnurl1') && text.length <= MAX_LNURL_LENGTH) return bech32Url(text)
  throw new LnurlError('address', 'It is neither a Lightning address nor an LNURL')
}

function bech32Url(text: string): URL {
  try {
    const { prefix, words } = bech32.decode(text as `${string}1${string}`, false)
    const url = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(
      bech32.fromWords(words),
    )
    if (prefix === 'lnurl') return new URL(url)
  } catch (cause) {
    throw new LnurlError('address', 'The LNURL does not decode to a URL', { cause })
  }
  throw new LnurlError('address', 'It is not an LNURL')
}
