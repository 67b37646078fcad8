import { execFile } from 'node:child_process'
import { COMMAND_TIMEOUT_MS, KILL_GRACE_MS, MAX_COMMAND_BYTES } from './hardware-limits.ts'

/** What a program wrote, and how it ended. */
export interface CommandResult {
  /** Its exit code; undefined where it is missing, was killed, or wrote too much. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
  /** It had not ended within its time. */
  readonly timedOut?: true
}

/** Runs a program, never through a shell. Never rejects. */
export type CommandRunner = (file: string, args: readonly string[]) => Promise<CommandResult>

export interface CommandBounds {
  readonly timeoutMs?: number
  /** Of each of its outputs. */
  readonly maxBytes?: number
  /** Kills what runs, and lets nothing run any more. */
  readonly signal?: AbortSignal
}

/** A runner of real programs, each within the same bounds. */
export function commandRunner(bounds: CommandBounds = {}): CommandRunner {
  const { timeoutMs = COMMAND_TIMEOUT_MS, maxBytes = MAX_COMMAND_BYTES, signal } = bounds
  const options = {
    timeout: timeoutMs,
    maxBuffer: maxBytes,
    killSignal: 'SIGKILL',
    windowsHide: true,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    ...(signal === undefined ? {} : { signal }),
  } as const
  return (file, args) =>
    new Promise((resolve) => {
      const child = execFile(file, args, options, (error, stdout, stderr) => {
        clearTimeout(guard)
        const late = error?.killed === true ? { timedOut: true as const } : {}
        resolve({ code: exitCodeOf(error), stdout, stderr, ...late })
      })
      // In the driver of a GPU that is gone not even SIGKILL ends a program.
      const guard = setTimeout(() => {
        child.unref()
        resolve({ code: undefined, stdout: '', stderr: '', timedOut: true })
      }, timeoutMs + KILL_GRACE_MS)
    })
}

function exitCodeOf(error: Error | null): number | undefined {
  if (error === null) return 0
  return 'code' in error && typeof error.code === 'number' ? error.code : undefined
}
