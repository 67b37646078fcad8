import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'

/** Asks the owner at this terminal; whoever leaves (Ctrl-D) says no. Ctrl-C is for those who listen for SIGINT. */
export async function saysYes(question: string, signal: AbortSignal): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  // Else the terminal keeps it to itself, and nobody answers.
  asking.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const left = once(asking, 'close').then(() => '')
  try {
    const answer = await Promise.race([asking.question(`${question} [y/N] `, { signal }), left])
    return /^y(es)?$/i.test(answer.trim())
  } catch (error) {
    // So Ctrl-D shows.
    if (signal.aborted || !(error instanceof Error) || error.name !== 'AbortError') throw error
    return false
  } finally {
    asking.close()
  }
}
