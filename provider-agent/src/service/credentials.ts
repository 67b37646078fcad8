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

export class CredentialError extends Error {
  override readonly name = 'CredentialError'
  readonly code = 'credential_too_long'
}

/** Where systemd has put the credential; undefined if there is none of this name. */
export function credentialPath(name: CredentialName, env: NodeJS.ProcessEnv): string | undefined {
  const folder = env['CREDENTIALS_DIRECTORY']
  if (folder === undefined || folder === '') return undefined
  const path = join(folder, name)
  return existsSync(path) ? path : undefined
}

/** The credential's text without the line's end. Throws {@link CredentialError}. */
export function readCredential(name: CredentialName, env: NodeJS.ProcessEnv): string | undefined {
  const path = credentialPath(name, env)
  if (path === undefined) return undefined
  if (statSync(path).size > MAX_CREDENTIAL_BYTES)
    throw new CredentialError(`${path} is longer than ${MAX_CREDENTIAL_BYTES} bytes`)
  return readFileSync(path, 'utf8').trim()
}
