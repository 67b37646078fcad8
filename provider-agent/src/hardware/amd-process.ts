import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AmdReading } from './amd-reading.ts'

const CHILD = fileURLToPath(new URL('amd-child.ts', import.meta.url))
/** Node's own number of threads that read files. */
const USUAL_THREADS = 4

/** What the child says: that it has been started, and of each card how it is, when it has read it. */
export type AmdMessage = 'begun' | AmdAnswer

export interface AmdAnswer {
  readonly card: string
  readonly reading: AmdReading
}

/** A process that reads AMD's cards. */
export interface AmdProcess {
  /** When it reads. */
  readonly begun: Promise<void>
  /** When it has said all, and is gone. The driver of a card that hangs may never let it go. */
  readonly ended: Promise<void>
  /** Kills it, and has this process wait for it no more. */
  abandon(): void
}

/** Starts a process that reads `cards`, such as `card0`; `hear` takes what it says. */
export type StartAmdProcess = (
  cards: readonly string[],
  hear: (answer: AmdAnswer) => void,
) => AmdProcess

/**
 * Starts `amd-child.ts`. A read that hangs cannot be taken back, and a process with one does not end: so it is never in the
 * agent's own. Each card has a thread, so that one that hangs keeps none of the others.
 */
export const startAmdProcess: StartAmdProcess = (cards, hear) => {
  const threads = String(Math.max(USUAL_THREADS, cards.length))
  let child: ChildProcess
  try {
    child = fork(CHILD, cards, {
      env: { ...process.env, UV_THREADPOOL_SIZE: threads },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
  } catch {
    // For some errors, such as want of memory, Node throws instead of telling later.
    return { begun: Promise.resolve(), ended: Promise.resolve(), abandon: () => {} }
  }
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  child.on('message', (message: AmdMessage) => {
    if (message === 'begun') begin()
    else hear(message)
  })
  return {
    begun,
    ended: endOf(child),
    abandon() {
      child.kill('SIGKILL')
      if (child.connected) child.disconnect()
      child.unref()
    },
  }
}

function endOf(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  child.on('error', () => {
    // Without a process there is no end of it.
    if (child.pid === undefined) resolve()
  })
  // What it said last may still be on its way when it is gone.
  const gone = new Promise<void>((done) => child.once('exit', () => done()))
  const told = new Promise<void>((done) => child.once('disconnect', done))
  void Promise.all([gone, told]).then(() => resolve())
  return promise
}
