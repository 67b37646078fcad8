/** LUD-16's user names, and the `+tag` that services allow; the host is a name with a dot. In lower case. */
const ADDRESS =
  /^([a-z0-9_.+-]{1,64})@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,62})$/
/** Of a DNS name. */
const MAX_HOST_LENGTH = 253

/** Longest Lightning address: the longest user, `@`, the longest host. */
export const MAX_LIGHTNING_ADDRESS_LENGTH = 64 + 1 + MAX_HOST_LENGTH

/** The halves of a Lightning address `user@host` (LUD-16) in lower case; undefined when it is none. */
export function splitLightningAddress(
  text: string,
): { readonly user: string; readonly host: string } | undefined {
  if (text.length > MAX_LIGHTNING_ADDRESS_LENGTH) return undefined
  const [, user, host] = ADDRESS.exec(text) ?? []
  if (user === undefined || host === undefined || host.length > MAX_HOST_LENGTH) return undefined
  return { user, host }
}
