import pc from 'picocolors'
import type { UnitState } from '../service/unit-state.ts'
import type { Scope } from '../service/unit-settings.ts'
import { facts } from './columns.ts'
import { EXIT } from '../exit-codes.ts'
import { duration } from './human-units.ts'

/** `systemctl` or `journalctl`, as the owner types it: of the machine's service root alone may. */
export function tool(name: string, scope: Scope, isRoot = process.getuid?.() === 0): string {
  if (scope === 'user') return `${name} --user`
  return isRoot ? name : `sudo ${name}`
}

/** The state of the service with its last words and what to do next. `now` in ms since the epoch. */
export function stateText(
  state: UnitState,
  journal: readonly string[],
  scope: Scope,
  now: number,
): string {
  const parts = [facts(rows(state, now))]
  if (journal.length > 0) parts.push(journal.map((line) => `  ${line}`).join('\n'))
  const steps = nextSteps(state, scope).map((step) => `→ ${step}`)
  return [...parts, steps.join('\n')].filter((part) => part !== '').join('\n\n')
}

function rows(state: UnitState, now: number): string[][] {
  if (!state.installed) return [['service', pc.yellow('not installed')]]
  const since = state.since === undefined ? '' : ` since ${duration(now - state.since)}`
  const memory =
    state.memoryBytes === undefined ? '' : `, ${Math.round(state.memoryBytes / 2 ** 20)} MiB`
  return [
    ['service', `${colour(state)(stateWord(state))}${since}`],
    ...(state.status === '' ? [] : [['agent', state.status]]),
    ...(state.pid === undefined ? [] : [['process', `pid ${state.pid}${memory}`]]),
    ['restarts', String(state.restarts)],
    ['starts by itself', state.enabled ? 'yes' : pc.yellow('no')],
    ...(isWell(state) || state.result === 'success' ? [] : [['ended', endWord(state)]]),
  ]
}

/** Whether it runs, starts for the first time, or was ended by nothing but its owner. */
const isWell = ({ active, sub }: UnitState): boolean => active === 'active' && sub === 'running'

const stateWord = ({ active, sub }: UnitState): string =>
  sub === 'auto-restart' ? 'waiting to be restarted' : active

function colour({ active, sub }: UnitState): (text: string) => string {
  if (active === 'active') return pc.green
  return active === 'failed' || sub === 'auto-restart' ? pc.red : pc.yellow
}

function endWord({ result, exitCode }: UnitState): string {
  const known: Readonly<Record<string, string>> = {
    watchdog: 'it did not say that it is alive',
    'oom-kill': 'it needed more memory than MemoryMax',
    timeout: 'it did not start, or stop, in time',
  }
  return known[result] ?? `${result}, exit code ${exitCode}`
}

/** What to type for each exit code of `run` that the owner can do something about. */
const REMEDIES: Readonly<Record<number, string>> = {
  [EXIT.usage]: 'the options are wrong: infernet-agent service install … -- OPTIONS',
  [EXIT.engine]: 'the engine cannot run: see the lines above, and try the same options by hand',
  [EXIT.refused]: 'the edge wants a newer agent: update it, then restart the service',
  [EXIT.data]: 'key or receipts cannot be used: see the lines above',
}

function nextSteps(state: UnitState, scope: Scope): string[] {
  const install = tool('infernet-agent service install', scope)
  if (!state.installed) return ['infernet-agent setup', install]
  const log = `${tool('journalctl', scope)} -u infernet-agent -f`
  if (state.active === 'active') return [log]
  const control = tool('systemctl', scope)
  const remedy = state.result === 'success' ? undefined : REMEDIES[state.exitCode]
  return [
    ...(remedy === undefined ? [] : [remedy]),
    ...(state.result === 'oom-kill' ? [`${install} --memory-max SIZE …`] : []),
    ...(state.active === 'failed' || state.active === 'inactive'
      ? [`${control} restart infernet-agent`]
      : []),
    log,
  ]
}
