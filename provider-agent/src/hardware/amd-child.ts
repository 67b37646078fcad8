/** Reads the cards that its arguments name side by side, and tells its parent of each. It is killed when one hangs. */
import { readAmdCard } from './amd-reading.ts'
import type { AmdMessage } from './amd-process.ts'
import { kernelFiles } from './kernel-files.ts'

// Without a parent that kills it, it does so itself: as long as something is being read, it could not end otherwise.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))

const tell = (message: AmdMessage): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, () => resolve())
  })

await tell('begun')
await Promise.all(
  process.argv.slice(2).map(async (card) => {
    await tell({ card, reading: await readAmdCard(kernelFiles, card) })
  }),
)
process.disconnect?.()
