import { spawn } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Service } from '../processes.ts'
import type { Stack } from '../stack.ts'
import type { NodeFolder, TestLightning } from './test-lightning.ts'

const ROOT = join(import.meta.dirname, '../../..')
const PROGRAM = 'settlement/src/settler/main.ts'

/** Its successor should not be waited for long. */
const LEASE_SECONDS = 3

/** What a test may want otherwise. */
export interface SettlerTimes {
  readonly leaseSeconds?: number
  /** Until what no audit has found good is payable. */
  readonly holdback?: string
}

/** Starts a settler on the operator's node; resolves when it may act. */
export async function startSettler(
  stack: Stack,
  lightning: TestLightning,
  env: Readonly<Record<string, string>> = {},
  times: SettlerTimes = {},
): Promise<Service> {
  const settler = spawnSettler(stack, lightning, env, times)
  await settler.line((line) => line['ready'] === true)
  return settler
}

/** The same without waiting: another one may have the lease. */
export function spawnSettler(
  stack: Stack,
  lightning: TestLightning,
  env: Readonly<Record<string, string>> = {},
  { leaseSeconds = LEASE_SECONDS, holdback = '0s' }: SettlerTimes = {},
): Service {
  const options = {
    ...commonOptions(stack, lightning.operator),
    '--edge-token-file': stack.file('settler-token'),
    '--key-file': stack.file('key'),
    '--lease-seconds': String(leaseSeconds),
    '--holdback': holdback,
    '--newcomer-holdback': holdback,
  }
  const args = ['run', ...Object.entries(options).flat(), '--create-key', '--json']
  return new Service('settler', PROGRAM, args, env)
}

/** Has the settler that was told of `file` kill these processes when it comes to the step: see `crashAt`. */
export function armCrash(
  file: string,
  plan: {
    /** Of no plan before it. */
    readonly id: number
    readonly step: string
    readonly pids: readonly number[]
    readonly signal?: 'SIGSTOP'
  },
): void {
  writeFileSync(`${file}.new`, JSON.stringify(plan))
  // Whole or not at all: the settler may look at any moment.
  renameSync(`${file}.new`, file)
}

/**
 * Runs `reconcile` to its end, as an operator does: what drifts goes to suspense, and fails it that once. So look at
 * `code` each time, and do not ask again until it is 0.
 */
export async function reconcile(
  stack: Stack,
  lightning: TestLightning,
): Promise<{ readonly code: number; readonly output: string }> {
  const options = {
    ...commonOptions(stack, lightning.operator),
    '--operator-token-file': stack.file('operator-token'),
  }
  const child = spawn(
    process.execPath,
    [join(ROOT, PROGRAM), 'reconcile', ...Object.entries(options).flat(), '--json'],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number>((resolve) =>
    child.once('close', (code) => resolve(code ?? -1)),
  )
  return { code, output }
}

/** What `infernet-agent run` needs to be paid on the provider's node, request by request. */
export const paidAgentOptions = ({ provider }: TestLightning): string[] =>
  Object.entries({
    '--payout': 'lnd',
    '--payout-when': 'at_once',
    '--lnd': provider.socket,
    '--lnd-cert': join(provider.folder, 'tls.cert'),
    '--lnd-macaroon': join(provider.folder, 'agent.macaroon'),
  }).flat()

const commonOptions = (stack: Stack, node: NodeFolder) => ({
  '--edge': stack.url,
  '--database-url': stack.databaseUrl,
  '--lnd': node.socket,
  '--lnd-cert': join(node.folder, 'tls.cert'),
  '--macaroons': node.folder,
})
