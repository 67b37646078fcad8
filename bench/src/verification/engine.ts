import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import { decodeTranscript, type Transcript } from '@infernet/schemas/transcript'
import type { FromEngine, Task } from './engine-messages.ts'

const CHILD = fileURLToPath(new URL('engine-child.ts', import.meta.url))

/** Whatever can generate and score: llama.cpp, or what a test puts in its place. */
export interface Engine {
  /** Transcripts in the order of the task's items, and how long they took all together, s. */
  run(
    task: Task,
  ): Promise<{ readonly transcripts: readonly Transcript[]; readonly seconds: number }>
  close(): void
}

/** llama.cpp in a child process. A task that fails, or a child that dies, rejects. */
export function startEngine(): Engine {
  const child = fork(CHILD, {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  return {
    run(task) {
      const { promise, resolve, reject } =
        Promise.withResolvers<Awaited<ReturnType<Engine['run']>>>()
      const transcripts: Transcript[] = []
      const onExit = () => reject(new Error('llama.cpp ended before its task'))
      const onMessage = (message: FromEngine): void => {
        if (message.type === 'result') {
          transcripts[message.index] = decodeTranscript(message.transcript, MAX_SCORED_CANDIDATES)
        } else if (message.type === 'done') resolve({ transcripts, seconds: message.seconds })
        else reject(new Error(message.message))
      }
      child.on('message', onMessage)
      child.once('exit', onExit)
      child.send(task)
      return promise.finally(() => {
        child.off('message', onMessage)
        child.off('exit', onExit)
      })
    },
    close: () => void child.kill('SIGKILL'),
  }
}
