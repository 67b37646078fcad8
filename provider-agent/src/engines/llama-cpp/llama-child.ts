import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { errorMessage } from '../../error-message.ts'
import { engineEnv } from '../managed/engine-command.ts'
import { neverStarted, type LeashedProcess, type ProcessEnd } from '../managed/leash.ts'
import type { FromChild, ToChild } from './messages.ts'

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))

/** The last words of a child that died, for the log. */
const MAX_STDERR_CHARS = 2_000
/** How long what was written last may still be on its way to us. */
const LAST_WORDS_MS = 500

/** A process with llama.cpp; it ends when the channel to us closes, and so does not outlive us. */
export interface LlamaChild extends LeashedProcess {
  /** Says nothing to one that is gone. */
  send(message: ToChild): void
  /** The end of its standard error. */
  readonly lastWords: string
}

/** Starts `child.ts`; `listen` takes what it says. Never throws: `ended` tells what went wrong. */
export function startLlamaChild(listen: (message: FromChild) => void): LlamaChild {
  let child: ChildProcess
  try {
    child = fork(CHILD, {
      env: engineEnv(process.env),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
  } catch (error) {
    // For some errors, such as want of memory, Node throws instead of telling later.
    return { ...neverStarted(errorMessage(error)), send: () => {}, lastWords: '' }
  }
  let lastWords = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-MAX_STDERR_CHARS)
  })
  child.on('message', listen)
  return {
    ended: endOf(child),
    // At once: it has nothing to put away.
    terminate: () => void child.kill('SIGKILL'),
    kill: () => void child.kill('SIGKILL'),
    send: (message) => {
      if (child.connected) child.send(message)
    },
    get lastWords() {
      return lastWords.trim()
    },
  }
}

function endOf(child: ChildProcess): Promise<ProcessEnd> {
  const { promise, resolve } = Promise.withResolvers<ProcessEnd>()
  child.on('error', (error) => {
    // Without a process there is no end of it. Words that do not reach one are no end either.
    if (child.pid !== undefined) return
    resolve({ code: undefined, reason: `was not started: ${error.message}` })
  })
  child.on('exit', (code, signal) => {
    const reason = signal === null ? `ended with code ${code}` : `was ended by ${signal}`
    const closed = once(child, 'close')
    void Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })]).then(() =>
      resolve({ code: code ?? undefined, reason }),
    )
  })
  return promise
}
