import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { CREDENTIAL, credentialPath } from './service/credentials.ts'

/** Where the agent keeps its files. */
export interface DataDir {
  readonly key: string
  /** systemd has handed the key over: it keeps others from it in its own way. */
  readonly isCredential: boolean
  readonly outbox: string
  /** The socket that a running agent answers its owner at. */
  readonly control: string
  /** Options that the owner has chosen once. */
  readonly settings: string
}

/**
 * The agent's files under `--data`, else `INFERNET_DATA`, else the XDG data directory
 * (`~/.local/share/infernet`). Without `--data`, a key that systemd hands over comes first.
 */
export function dataDir(option: string | undefined, env: NodeJS.ProcessEnv): DataDir {
  const share = env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share')
  const root = resolve(option || env['INFERNET_DATA'] || join(share, 'infernet'))
  const agent = join(root, 'agent')
  const credential = option ? undefined : credentialPath(CREDENTIAL.agentKey, env)
  return {
    key: credential ?? join(agent, 'key.pem'),
    isCredential: credential !== undefined,
    outbox: join(agent, 'outbox'),
    control: join(agent, 'control.sock'),
    settings: join(root, 'agent.json'),
  }
}
