/** `warning`: it works, and could be better. `skipped`: it could not be told, or was not asked for. */
export type Outcome = 'ok' | 'warning' | 'failed' | 'skipped'

/** What a check has found. */
export interface Finding {
  readonly outcome: Outcome
  /** In a line, for the owner. */
  readonly said: string
  /** What to type or to do; always there with `warning` and `failed`. */
  readonly fix?: string
}

/** One thing that has to be right for the agent to work. */
export interface Check {
  /** The same in every version, for scripts. */
  readonly id: string
  /** For the owner. */
  readonly name: string
  /** Where this one's has failed or was not tried, it is not tried. */
  readonly after?: string
  /** What it waits for, for the owner, where its name does not say that. */
  readonly waitsFor?: string
  /** How long it may take, in ms, where that is not a matter of seconds. */
  readonly limitMs?: number
  /** Changes nothing. Ends soon after `signal`. What it throws is a failure. */
  run(signal: AbortSignal): Promise<Finding> | Finding
}

export interface CheckResult extends Finding {
  readonly id: string
  readonly name: string
  /** How long it took. */
  readonly ms: number
}

export const ok = (said: string): Finding => ({ outcome: 'ok', said })
export const skipped = (said: string): Finding => ({ outcome: 'skipped', said })
export const warning = (said: string, fix: string): Finding => ({ outcome: 'warning', said, fix })
export const failed = (said: string, fix: string): Finding => ({ outcome: 'failed', said, fix })
