import { existsSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { SERVICE_NAME } from '../service/render-unit.ts'
import { ServiceError } from '../service/service-error.ts'
import { STOP_WAIT_MS } from '../service/service-limits.ts'
import type { Systemd } from '../service/systemd.ts'
import type { Scope } from '../service/unit-settings.ts'
import type { OwnService } from '../upgrade/own-services.ts'
import { UpgradeError } from '../upgrade/upgrade-error.ts'
import { anyAgentSchema, controlFault, runningAgent, type ControlFlags } from './control-asks.ts'
import { drainAgent, untilEnded } from './drain-command.ts'
import { terminal } from './terminal.ts'

/** Agents that run the version before. */
export interface Over {
  readonly services: readonly OwnService[]
  /** Of the agent that was started by hand. */
  readonly flags: ControlFlags
  /** Of the installation, and what it runs now. */
  readonly launcher: string
  readonly version: string
  readonly stopping: AbortSignal
}

/**
 * Has the agents that run another version finish their jobs: services start again with what is installed now. Where
 * one does not come up with it, `undo` puts the version before back. Rejects with UpgradeError.
 */
export async function bringOver(
  over: Over,
  undo?: () => Promise<void>,
): Promise<{ readonly services: readonly Scope[]; readonly drained: boolean }> {
  const { services, flags, version, stopping } = over
  const to = terminal(flags.json ? process.stderr : process.stdout)
  try {
    to.spin('waiting for running jobs')
    const restarted: Scope[] = []
    for (const service of services) {
      if ((await runningAgent(service.data, anyAgentSchema))?.version === version) continue
      await restart(service, version, stopping, undo)
      restarted.push(service.scope)
    }
    return { services: restarted, drained: await drainByHand(over) }
  } finally {
    to.spin(undefined)
  }
}

async function restart(
  { scope, systemd }: OwnService,
  version: string,
  stopping: AbortSignal,
  undo: (() => Promise<void>) | undefined,
): Promise<void> {
  try {
    await systemd.restart()
  } catch (cause) {
    // Ctrl-C stops systemctl too; the service goes on.
    stopping.throwIfAborted()
    if (!(cause instanceof ServiceError)) throw cause
    const words = (await systemd.journal()).map((line) => `\n  ${line}`).join('')
    const after = undo === undefined ? '' : await undone(systemd, undo)
    const user = scope === 'user' ? ' --user' : ''
    throw new UpgradeError(
      'not_installed',
      `the service does not come up with ${version}: ${cause.message}${words}\n${after}→ infernet-agent service status${user}`,
      { cause },
    )
  }
}

async function undone(systemd: Systemd, undo: () => Promise<void>): Promise<string> {
  await undo()
  const outcome = await systemd.restart().then(
    () => 'runs',
    () => 'does not come up either',
  )
  return `The version before is in its place again, and ${outcome}.\n`
}

/** Whether one ran, and has ended. What runs as our service has been seen to. */
async function drainByHand({ flags, launcher, version, stopping }: Over): Promise<boolean> {
  const status = await runningAgent(flags.data, anyAgentSchema)
  if (status === undefined || status.version === version) return false
  if (status.service === `${SERVICE_NAME}.service`) return false
  if (!isOf(launcher, status.pid)) return false
  await controlFault(flags, () => drainAgent(flags.data, anyAgentSchema))
  await untilEnded(flags, AbortSignal.any([stopping, AbortSignal.timeout(STOP_WAIT_MS)]))
  stopping.throwIfAborted()
  return true
}

/** Whether a process was started by the program of this installation, and not another's; if nobody can say, it was. */
function isOf(launcher: string, pid: number): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const from = readlinkSync(`/proc/${pid}/cwd`)
    const own = realpathSync(launcher)
    return words.some((word) => {
      const path = resolve(from, word)
      return existsSync(path) && realpathSync(path) === own
    })
  } catch {
    return true
  }
}
