import { dataDir } from '../data-dir.ts'
import { shellWord } from '../doctor/shell-word.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { findIdentity, KeyError, type Identity } from '../identity.ts'
import { asRoot } from './as-root.ts'
import { keyData, keyElsewhere, ownAgent } from './own-agent.ts'

/** The provider's key under `--data`, if there is one: none is made. Throws OwnerError. */
export function ownIdentity(data: string | undefined): Identity | undefined {
  try {
    return findIdentity(dataDir(data, process.env).key)?.identity
  } catch (error) {
    if (error instanceof KeyError) throw keyFault(error)
    throw error
  }
}

/** What is wrong with a key as one line for its owner, with an exit code and, for another user's, what to type. */
export function keyFault({ cause, message }: KeyError): OwnerError {
  const isOthers = cause instanceof Error && 'code' in cause && cause.code === 'EACCES'
  return new OwnerError(EXIT.data, message, isOthers ? { next: asRoot(process.argv.slice(2)) } : {})
}

/** The same where it is needed. Throws OwnerError. */
export function requiredIdentity(data: string | undefined): Identity {
  const identity = ownIdentity(keyData(data))
  if (identity !== undefined) return identity
  throw noKey(data)
}

/** Where the key is not, and where it is or how to have one. */
export function noKey(data: string | undefined): OwnerError {
  const own = ownAgent(data, process.env)
  const { key } = dataDir(data, process.env)
  const elsewhere = keyElsewhere(own)
  if (elsewhere === undefined) {
    const message = `there is no key at ${key}: name the provider’s --data directory, or have one made`
    return new OwnerError(EXIT.data, message, { next: `infernet-agent setup${own.dataFlag}` })
  }
  const { command, root } = elsewhere
  const message = `there is no key at ${key}: that of the service is in ${root}, which --data has to name`
  return new OwnerError(EXIT.data, message, { next: `${command} keys --data ${shellWord(root)}` })
}
