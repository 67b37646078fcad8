import { execFile } from 'node:child_process'
import { MAX_OUTPUT_BYTES } from './service-limits.ts'

/** How a program ended, and what it said. `code` is undefined when it did not run, or not to its end. */
export interface CommandResult {
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
}

/** Runs a program without a shell, for at most `timeoutMs`. */
export type RunCommand = (
  file: string,
  args: readonly string[],
  timeoutMs: number,
) => Promise<CommandResult>

export const runCommand: RunCommand = (file, args, timeoutMs) =>
  new Promise((resolve) => {
    const options = { timeout: timeoutMs, maxBuffer: MAX_OUTPUT_BYTES, encoding: 'utf8' } as const
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code
      resolve({
        code: typeof code === 'number' ? code : undefined,
        stdout,
        stderr: stderr || (error === null || typeof code === 'number' ? '' : error.message),
        timedOut: child.killed,
      })
    })
    child.stdin?.end()
  })
