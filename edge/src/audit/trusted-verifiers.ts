import { isPeerId } from '@infernet/schemas/peer-id'

export class VerifierListError extends Error {
  override readonly name = 'VerifierListError'
  readonly code = 'bad_verifiers'
}

/** Peer ids, separated by commas or white space, as an operator writes them. Throws {@link VerifierListError}. */
export function parseVerifiers(text = ''): ReadonlySet<string> {
  const peers = text.split(/[\s,]+/).filter((peer) => peer !== '')
  const wrong = peers.find((peer) => !isPeerId(peer))
  if (wrong !== undefined) throw new VerifierListError(`'${wrong}' is no peer id`)
  return new Set(peers)
}

/** Whether verifiers may come that the operator does not know: `yes`, or `no` or nothing. Throws {@link VerifierListError}. */
export function parseOpenVerifiers(text = ''): boolean {
  const said = text.trim()
  if (said === 'yes') return true
  if (said === '' || said === 'no') return false
  throw new VerifierListError(`INFERNET_OPEN_VERIFIERS is yes or no, not '${said}'`)
}
