import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MAX_CREDENTIAL_BYTES } from './service-limits.ts'

/** What systemd hands over to the service, by name: files in memory that only it can read. */
export const CREDENTIAL = {
  agentKey: 'agent-key',
  engineKey: 'engine-key',
  lndCert: 'lnd-cert',
  lndMacaroon: 'lnd-macaroon',
} as const

export type CredentialName = (typeof CREDENTIAL)[keyof typeof CREDENTIAL]

/**
 * In a unit's environment: names of the credentials that it hands over. Where its key is missing, an agent must not make
 * a new one, and serve under another name.
 */
export const CREDENTIALS_VARIABLE = 'INFERNET_CREDENTIALS'

export class CredentialError extends Error {
  override readonly name = 'CredentialError'
  readonly code: 'credential_missing' | 'credential_too_long'

  constructor(code: CredentialError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** For the owner of a service whose credential is not at `path`. */
export const notHandedOver = (path: string): string =>
  `systemd was to hand over ${path}, and did not: is LoadCredential in the unit, and is its file there?`

/** Where systemd has put the credential, or was to put it; undefined if there is none of this name. */
export function credentialPath(name: CredentialName, env: NodeJS.ProcessEnv): string | undefined {
  const folder = env['CREDENTIALS_DIRECTORY']
  if (folder === undefined || folder === '') return undefined
  const path = join(folder, name)
  const isPromised = env[CREDENTIALS_VARIABLE]?.split(' ').includes(name) === true
  return isPromised || existsSync(path) ? path : undefined
}

/** The credential's text without the line's end. Throws {@link CredentialError}. */
export function readCredential(name: CredentialName, env: NodeJS.ProcessEnv): string | undefined {
  const path = credentialPath(name, env)
  if (path === undefined) return undefined
  if (!existsSync(path)) throw new CredentialError('credential_missing', notHandedOver(path))
  if (statSync(path).size > MAX_CREDENTIAL_BYTES) {
    const message = `${path} is longer than ${MAX_CREDENTIAL_BYTES} bytes`
    throw new CredentialError('credential_too_long', message)
  }
  return readFileSync(path, 'utf8').trim()
}
