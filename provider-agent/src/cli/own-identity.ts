import { dataDir } from '../data-dir.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { findIdentity, KeyError, type Identity } from '../identity.ts'

/** The provider's key under `--data`, if there is one: none is made. Throws OwnerError. */
export function ownIdentity(data: string | undefined): Identity | undefined {
  try {
    return findIdentity(dataDir(data, process.env).key)?.identity
  } catch (error) {
    if (error instanceof KeyError) throw new OwnerError(EXIT.data, error.message)
    throw error
  }
}

/** The same where it is needed. Throws OwnerError. */
export function requiredIdentity(data: string | undefined): Identity {
  const identity = ownIdentity(data)
  if (identity !== undefined) return identity
  const { key } = dataDir(data, process.env)
  throw new OwnerError(EXIT.data, `there is no key at ${key}: name the provider’s --data directory`)
}
