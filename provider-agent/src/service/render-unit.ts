import {
  RESTART_FIXED_SECONDS,
  RESTART_MAX_SECONDS,
  RESTART_SECONDS,
  RESTART_STEPS,
  RESTART_STEPS_SYSTEMD,
  START_LIMIT_BURST,
  START_LIMIT_SECONDS,
  START_SECONDS,
  STOP_MARGIN_SECONDS,
  TASKS_BESIDE_SERVER,
  TASKS_WITH_ENGINE,
  WATCHDOG_SECONDS,
} from './service-limits.ts'
import { EXIT } from '../exit-codes.ts'
import { hardening, type UnitLine } from './unit-hardening.ts'
import type { RunArgument, UnitSettings } from './unit-settings.ts'
import { execWord, pathWord, plainPath, programWord, settingWord } from './unit-words.ts'

export const SERVICE_NAME = 'infernet-agent'
/** By it we know the files that we may write again, or remove. */
export const UNIT_MARK = '# Written by `infernet-agent service install`, which writes it again.'

const DATA_MARK = '# Data: '

/** Where the service that `unit` describes keeps key and receipts, if that was its owner's choice. */
export const dataRootIn = (unit: string): string | undefined =>
  unit
    .split('\n')
    .find((line) => line.startsWith(DATA_MARK))
    ?.slice(DATA_MARK.length)

/** The unit file. Throws `UnitWordError` for a path or option that such a file cannot hold. */
export function renderUnit(settings: UnitSettings): string {
  const { scope } = settings
  const network: UnitLine[] = [
    ['Wants', 'network-online.target'],
    ['After', 'network-online.target'],
  ]
  return [
    UNIT_MARK,
    ...(settings.dataRoot === undefined ? [] : [`${DATA_MARK}${settings.dataRoot}`]),
    '',
    '[Unit]',
    ...lines([
      ['Description', 'Infernet provider agent'],
      // A user's manager knows nothing of the network; the agent dials until there is one.
      ...(scope === 'system' ? network : []),
      ['StartLimitIntervalSec', String(START_LIMIT_SECONDS)],
      ['StartLimitBurst', String(START_LIMIT_BURST)],
    ]),
    '',
    '[Service]',
    ...lines([
      ...supervision(settings),
      ...process(settings),
      ...restarts(settings),
      ...limits(settings),
    ]),
    '# MemoryDenyWriteExecute stays off: V8, which runs the agent, compiles to memory.',
    ...lines(hardening(settings)),
    '',
    '[Install]',
    ...lines([['WantedBy', scope === 'system' ? 'multi-user.target' : 'default.target']]),
    '',
  ].join('\n')
}

function supervision({ graceSeconds }: UnitSettings): UnitLine[] {
  return [
    ['Type', 'notify'],
    // The words come from systemd-notify, a child of the agent, which has no datagram sockets itself.
    ['NotifyAccess', 'all'],
    ['WatchdogSec', String(WATCHDOG_SECONDS)],
    ['TimeoutStartSec', String(START_SECONDS)],
    ['TimeoutStopSec', String(graceSeconds + STOP_MARGIN_SECONDS)],
    ['KillSignal', 'SIGTERM'],
    // Only the agent hears SIGTERM: its engine must go on until the running jobs are done.
    ['KillMode', 'mixed'],
    // It starts an engine anew that was killed for its memory.
    ['OOMPolicy', 'continue'],
  ]
}

function process(settings: UnitSettings): UnitLine[] {
  const { scope, node, script, credentials, environment, shownPaths } = settings
  const words = ['run', ...settings.arguments.map(argumentWord)]
  const state: UnitLine[] = [
    ['StateDirectory', SERVICE_NAME],
    ['StateDirectoryMode', '0700'],
  ]
  return [
    ['ExecStart', [programWord(node), execWord(script), ...words].join(' ')],
    ...Object.entries(environment).map(([name, value]): UnitLine => [
      'Environment',
      settingWord(`${name}=${value}`),
    ]),
    ...(scope === 'system' ? state : []),
    ...credentials.map(({ name, path }): UnitLine => [
      'LoadCredential',
      `${name}:${plainPath(path)}`,
    ]),
    ...shownPaths.map((path): UnitLine => ['BindReadOnlyPaths', pathWord(path)]),
    ['StandardOutput', 'journal'],
    ['StandardError', 'journal'],
    ['SyslogIdentifier', SERVICE_NAME],
  ]
}

const argumentWord = (argument: RunArgument): string =>
  'text' in argument
    ? execWord(argument.text)
    : `${execWord(argument.flag)}=\${CREDENTIALS_DIRECTORY}/${argument.credential}`

function restarts({ systemd }: UnitSettings): UnitLine[] {
  const always: UnitLine[] = [
    ['Restart', 'always'],
    // Neither a wrong command line nor an agent that is too old mends itself.
    ['RestartPreventExitStatus', `${EXIT.usage} ${EXIT.refused}`],
  ]
  if (systemd < RESTART_STEPS_SYSTEMD)
    return [...always, ['RestartSec', String(RESTART_FIXED_SECONDS)]]
  return [
    ...always,
    ['RestartSec', String(RESTART_SECONDS)],
    ['RestartSteps', String(RESTART_STEPS)],
    ['RestartMaxDelaySec', String(RESTART_MAX_SECONDS)],
  ]
}

function limits({ memoryMax, ownEngine }: UnitSettings): UnitLine[] {
  return [
    ['MemoryMax', memoryMax],
    ['TasksMax', String(ownEngine ? TASKS_WITH_ENGINE : TASKS_BESIDE_SERVER)],
  ]
}

const lines = (pairs: readonly UnitLine[]): string[] =>
  pairs.map(([key, value]) => `${key}=${value}`)
