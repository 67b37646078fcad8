import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { isErrno } from '../../file-link.ts'
import type { EngineCommand } from './engine-command.ts'
import type { OutputTail } from './output-tail.ts'

/**
 * Runs "$@" for as long as standard input stays open. Only the agent holds its other end, and the
 * kernel closes that however the agent ends, by SIGKILL too: then the watcher kills the group, which
 * the engine, its workers and the watcher itself are in. A line instead asks the engine to end; traps come after its start,
 * for what it hears before it has become the command would be theirs, and lost.
 * Nothing is sent to a number that somebody else could have got meanwhile.
 */
const LEASH = `
exec 3<&0 </dev/null
"$@" 3<&- &
engine=$!
trap : TERM INT HUP
(
  trap : TERM INT HUP
  exec >/dev/null 2>&1
  while read -r _ <&3; do kill -TERM $engine; done
  kill -KILL 0
) &
exec 3<&-
wait $engine
`

/** How long what was written last may still be on its way to us. */
const LAST_WORDS_MS = 500

/** How a process ended; `code` as shells count: 128 and the signal's number for a signal. */
export interface ProcessEnd {
  readonly code: number | undefined
  readonly reason: string
}

/** A process that does not outlive us. */
export interface LeashedProcess {
  /** Resolves once, after the process has ended. What it started is killed then. */
  readonly ended: Promise<ProcessEnd>
  /** SIGTERM. */
  terminate(): void
  /** SIGKILL, for all that it started too. */
  kill(): void
}

/** Starts a command; its output goes to `tail`. */
export const startLeashed = (command: EngineCommand, tail: OutputTail): LeashedProcess =>
  leash(command, (...outputs) => {
    for (const stream of outputs) {
      stream.setEncoding('utf8').on('data', (text: string) => tail.push(text))
    }
  })

/** Starts a command; `listen` takes its two outputs. */
export function leash(
  { file, args, env }: EngineCommand,
  listen: (out: Readable, err: Readable) => void,
): LeashedProcess {
  const child = spawn('/bin/sh', ['-c', LEASH, 'infernet-engine', file, ...args], {
    env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  listen(child.stdout, child.stderr)
  child.stdin.on('error', () => {})
  const { promise: ended, resolve } = Promise.withResolvers<ProcessEnd>()
  child.on('error', (error) => resolve({ code: undefined, reason: error.message }))
  child.on('exit', (code, signal) => {
    // Node closes our end of the pipe here, and so what is left of the group goes.
    const closed = once(child, 'close')
    void Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })]).then(() =>
      resolve({ code: code ?? undefined, reason: reasonOf(code, signal) }),
    )
  })
  return {
    ended,
    terminate: () => void child.stdin.write('end\n'),
    kill: () => {
      child.stdin.destroy()
      killGroup(child.pid, child.exitCode ?? child.signalCode)
    },
  }
}

/** A process that could not be started. */
export const neverStarted = (why: string): LeashedProcess => ({
  ended: Promise.resolve({ code: undefined, reason: `was not started: ${why}` }),
  terminate: () => {},
  kill: () => {},
})

/** For a watcher that was killed itself. The group's number is its own until the leader is gone. */
function killGroup(pid: number | undefined, ended: number | NodeJS.Signals | null): void {
  if (pid === undefined || ended !== null) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error
  }
}

function reasonOf(code: number | null, signal: NodeJS.Signals | null): string {
  const name = signal ?? signalOf((code ?? 0) - 128)
  return name === undefined ? `ended with code ${code}` : `was ended by ${name}`
}

/** Systems number them differently. Of several names the usual one comes first. */
const signalOf = (number: number): string | undefined =>
  Object.entries(constants.signals).find(([, one]) => one === number)?.[0]
