import type { CommandResult, RunCommand } from './command.ts'
import { SERVICE_NAME } from './render-unit.ts'
import { ServiceError } from './service-error.ts'
import {
  JOURNAL_LINES,
  OLDEST_SYSTEMD,
  QUERY_TIMEOUT_MS,
  START_WAIT_MS,
  STOP_WAIT_MS,
} from './service-limits.ts'
import { parseUnitState, SHOWN_PROPERTIES, type UnitState } from './unit-state.ts'
import type { Scope } from './unit-settings.ts'

const UNIT = `${SERVICE_NAME}.service`

/** The service manager of a scope, through `systemctl` and `journalctl`. */
export class Systemd {
  readonly #run: RunCommand
  readonly #flags: readonly string[]
  readonly #scope: Scope

  constructor(scope: Scope, run: RunCommand) {
    this.#scope = scope
    this.#run = run
    this.#flags = scope === 'user' ? ['--user'] : []
  }

  /** The version of a manager that answers. Throws {@link ServiceError}. */
  async version(): Promise<number> {
    const { code, stdout, stderr } = await this.#systemctl([
      'show',
      '--property=Version',
      '--value',
    ])
    const version = Number(/^\d+/.exec(stdout)?.[0])
    if (code !== 0 || Number.isNaN(version)) throw this.#absence(stderr)
    if (version >= OLDEST_SYSTEMD) return version
    throw new ServiceError(
      'old_systemd',
      `this machine has systemd ${version}, the service needs ${OLDEST_SYSTEMD} or later; start the agent by hand`,
      { next: BY_HAND },
    )
  }

  reload(): Promise<void> {
    return this.#must(['daemon-reload'], QUERY_TIMEOUT_MS)
  }

  /**
   * Has it start with the machine, and now; one that runs drains and starts again. Whether it is up:
   * false when that takes longer than we wait. Throws {@link ServiceError}.
   */
  async start(): Promise<boolean> {
    await this.#must(['enable', UNIT], QUERY_TIMEOUT_MS)
    const { code, stderr, timedOut } = await this.#systemctl(['restart', UNIT], START_WAIT_MS)
    if (code === 0 || timedOut) return code === 0
    throw refusal('restart', stderr)
  }

  /** Drains it and starts it again, for as long as its unit allows. Throws {@link ServiceError} where it does not come up. */
  restart(): Promise<void> {
    return this.#must(['restart', UNIT], STOP_WAIT_MS + START_WAIT_MS)
  }

  /** Drains and stops it, for as long as its unit allows; it does not start again by itself. */
  stop(): Promise<void> {
    return this.#must(['disable', '--now', UNIT], STOP_WAIT_MS)
  }

  /** How it is. Throws {@link ServiceError}. */
  async state(): Promise<UnitState> {
    const { code, stdout, stderr } = await this.#systemctl([
      'show',
      UNIT,
      '--timestamp=unix',
      `--property=${SHOWN_PROPERTIES.join(',')}`,
    ])
    const state = code === 0 ? parseUnitState(stdout) : undefined
    if (state !== undefined) return state
    throw this.#absence(stderr)
  }

  /** The last lines of its log, oldest first; none when they may not be read. */
  async journal(): Promise<readonly string[]> {
    const of = this.#scope === 'user' ? '--user-unit' : '--unit'
    const { code, stdout } = await this.#run(
      'journalctl',
      [of, UNIT, '--lines', String(JOURNAL_LINES), '--no-pager', '--quiet', '--output=cat'],
      QUERY_TIMEOUT_MS,
    )
    return code === 0 ? stdout.split('\n').filter((line) => line !== '') : []
  }

  #systemctl(args: readonly string[], timeoutMs = QUERY_TIMEOUT_MS): Promise<CommandResult> {
    return this.#run('systemctl', [...this.#flags, ...args], timeoutMs)
  }

  async #must(args: readonly string[], timeoutMs: number): Promise<void> {
    const { code, stderr, timedOut } = await this.#systemctl(args, timeoutMs)
    if (code !== 0) throw refusal(args[0] ?? '', timedOut ? 'it takes too long' : stderr)
  }

  #absence(stderr: string): ServiceError {
    const reason = firstLine(stderr) || 'systemctl does not answer'
    if (this.#scope === 'system')
      return new ServiceError(
        'no_systemd',
        `no systemd answers here (${reason}): see the unit with 'infernet-agent service unit', or start the agent by hand`,
        { next: BY_HAND },
      )
    return new ServiceError(
      'no_systemd',
      `no systemd of this user answers (${reason}): log in as that user, by ssh or 'machinectl shell', rather than with su or sudo`,
    )
  }
}

const BY_HAND = 'infernet-agent run'

const refusal = (verb: string, stderr: string): ServiceError =>
  new ServiceError('refused', `systemctl ${verb}: ${firstLine(stderr) || 'it failed'}`)

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? ''
