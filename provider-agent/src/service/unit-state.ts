import { z } from 'zod'

const whole = z.string().regex(/^\d+$/).transform(Number)
const optionalWhole = whole.optional().catch(undefined)
/** systemd writes `@` and seconds; nothing, or 0, for what has not been. */
const moment = z
  .string()
  .regex(/^@\d+$/)
  .transform((text) => Number(text.slice(1)) * 1000 || undefined)
  .optional()
  .catch(undefined)

const shownSchema = z.object({
  LoadState: z.string(),
  ActiveState: z.string(),
  SubState: z.string(),
  UnitFileState: z.string().default(''),
  Result: z.string().default(''),
  StatusText: z.string().default(''),
  NRestarts: whole.default(0).catch(0),
  MainPID: whole.default(0).catch(0),
  ExecMainStatus: whole.default(0).catch(0),
  MemoryCurrent: optionalWhole,
  StateChangeTimestamp: moment,
})

/** What `systemctl show` is asked for. */
export const SHOWN_PROPERTIES = Object.keys(shownSchema.shape)

/** How the service is. */
export interface UnitState {
  readonly installed: boolean
  /** `active`, `activating`, `deactivating`, `inactive` or `failed`. */
  readonly active: string
  /** The same in more detail, such as `auto-restart`. */
  readonly sub: string
  /** Whether it starts with the machine, or with its user's first login. */
  readonly enabled: boolean
  /** What the agent says of itself. */
  readonly status: string
  /** Why it ended, in systemd's word, such as `watchdog`; `success` when it did not. */
  readonly result: string
  /** The agent's exit code when it last ended. */
  readonly exitCode: number
  readonly restarts: number
  readonly pid?: number
  readonly memoryBytes?: number
  /** Since when it is as it is, in ms since the epoch. */
  readonly since?: number
}

/** Reads the lines of `systemctl show --timestamp=unix`; undefined when they are not what we know. */
export function parseUnitState(text: string): UnitState | undefined {
  const pairs = text.split('\n').map((line) => {
    const equals = line.indexOf('=')
    return [line.slice(0, equals), line.slice(equals + 1)] as const
  })
  const read = shownSchema.safeParse(Object.fromEntries(pairs))
  if (!read.success) return undefined
  const shown = read.data
  return {
    installed: shown.LoadState === 'loaded',
    active: shown.ActiveState,
    sub: shown.SubState,
    enabled: shown.UnitFileState === 'enabled',
    status: shown.StatusText,
    result: shown.Result,
    exitCode: shown.ExecMainStatus,
    restarts: shown.NRestarts,
    ...(shown.MainPID === 0 ? {} : { pid: shown.MainPID }),
    ...(shown.MemoryCurrent === undefined ? {} : { memoryBytes: shown.MemoryCurrent }),
    ...(shown.StateChangeTimestamp === undefined ? {} : { since: shown.StateChangeTimestamp }),
  }
}
