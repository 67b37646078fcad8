import pc from 'picocolors'
import type { Release } from '../upgrade/release.ts'
import { dataFlag } from './own-agent.ts'

/** How an upgrade has ended. */
export interface UpgradeResult {
  readonly state: 'current' | 'available' | 'upgraded' | 'back'
  readonly from: string
  readonly to: string
  readonly release?: Release
  /** Those that run it now. */
  readonly services?: readonly string[]
  /** An agent that was started by hand has ended. */
  readonly drained?: boolean
}

/** What a release says of itself. */
export function foundText({ release }: { readonly release: Release }): string {
  const { version, published_at: at, keys, notes } = release
  const day = new Date(at).toISOString().slice(0, 10)
  const lines = notes.split('\n').filter((line) => line !== '')
  return [
    `${pc.bold(version)}, published ${day}, signed by ${keys.join(', ')}`,
    ...lines.map((line) => `  ${line}`),
  ].join('\n')
}

/** How an upgrade has ended, and what to type next. */
export function doneText(result: UpgradeResult, data: string | undefined): string {
  const { from, to, release, state } = result
  const about = release === undefined ? [] : [foundText({ release })]
  if (state === 'current') return [`${from} is the newest`, ...restarted(result, data)].join('\n')
  if (state === 'available') return [...about, next('infernet-agent upgrade')].join('\n')
  const done = state === 'back' ? `${to} runs again from now on` : `${to} runs from now on`
  return [
    `${pc.green('✓')} ${done}; ${from} stays beside it`,
    ...restarted(result, data),
    next(`infernet-agent upgrade --back ${pc.dim(`has ${from} run again`)}`),
  ].join('\n')
}

function restarted({ services = [], drained, to }: UpgradeResult, data?: string): string[] {
  const running = services.map((scope) => `${pc.green('✓')} the ${scope}’s service runs ${to}`)
  if (!drained) return running
  const ended = `${pc.green('✓')} the agent that ran has finished its jobs and ended`
  return [...running, ended, next(`infernet-agent run --edge URL${dataFlag(data)}`)]
}

const next = (command: string): string => `${pc.cyan('→')} ${command}`
