import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { errorMessage } from '../error-message.ts'
import { isErrno, isLinked } from '../file-link.ts'
import { makeFolder } from '../make-folder.ts'
import { CONTROL_ANSWER_MS } from './control-limits.ts'
import { ControlError } from './control-error.ts'

/** Starts that may meet at one path before this one gives up. */
const MAX_TRIES = 50
/** Until another start has removed what it found. */
const RETRY_MS = 20
/** Of a socket's path: macOS takes the fewest. */
const MAX_PATH_BYTES = 103

/**
 * Listens at `path`, readable by its owner only, in one step: nobody finds a socket there that does not answer
 * yet. One that a dead process has left is replaced. Returns how to remove it. Throws {@link ControlError}:
 * `already_running` when one answers there, `unusable` when none can be made.
 */
export async function listenAt(server: Server, path: string): Promise<() => void> {
  const draft = besides(path)
  try {
    if (Buffer.byteLength(draft) > MAX_PATH_BYTES) throw new Error('the path is too long')
    makeFolder(dirname(path))
    remove(draft)
    await once(server.listen(draft), 'listening')
    chmodSync(draft, 0o600)
    await publish(draft, path)
  } catch (cause) {
    server.close()
    if (cause instanceof ControlError) throw cause
    const reason = errorMessage(cause)
    throw new ControlError('unusable', `cannot listen at ${path}: ${reason}`, { cause })
  } finally {
    remove(draft)
  }
  const own = identityOf(path)
  return () => {
    if (identityOf(path) === own) remove(path)
  }
}

async function publish(draft: string, path: string): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (isLinked(draft, path)) return
    const found = identityOf(path)
    if (found === undefined) continue
    if (await answers(path)) throw alreadyRunning()
    await removeDead(draft, path, found)
  }
  throw alreadyRunning()
}

/**
 * Of several that find the same dead socket one may remove it, else a slow one would remove what a fast one has
 * put there meanwhile. The right to do so is a name that only one can link, at which its holder answers: that of
 * a holder that died is passed over, for the next.
 */
async function removeDead(draft: string, path: string, dead: string): Promise<void> {
  const marks: string[] = []
  for (;;) {
    const mark = join(dirname(path), `${dead}.${marks.length}`)
    marks.push(mark)
    if (isLinked(draft, mark)) break
    if (await answers(mark)) return void (await pause(RETRY_MS))
  }
  if (identityOf(path) === dead) remove(path)
  for (const mark of marks) remove(mark)
}

/** A socket's identity, which no other one ever has: inodes come again. */
function identityOf(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (found === undefined) return undefined
  const text = `${found.dev} ${found.ino} ${found.mtimeNs}`
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

/** Whether somebody listens there, or may: who is too busy to say is not dead. */
function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(path)
  socket.setTimeout(CONTROL_ANSWER_MS, () => resolve(true))
  socket.on('connect', () => resolve(true))
  socket.on('error', (error) => {
    resolve(!['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].some((code) => isErrno(error, code)))
  })
  return promise.finally(() => socket.destroy())
}

/** A name that nobody else has, in the same directory. Process ids are not: containers may share one. */
const besides = (path: string): string =>
  join(dirname(path), `${randomBytes(4).toString('hex')}.sock`)

const alreadyRunning = (): ControlError =>
  new ControlError(
    'already_running',
    'an agent runs already with this data directory: see it with infernet-agent status, stop it with infernet-agent drain, or give this one its own --data',
  )

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
}
