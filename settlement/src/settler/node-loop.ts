import type { LightningBackend } from '../lightning/lightning-backend.ts'
import type { SettlerLog } from './settler-log.ts'
import type { WorkLoop } from './work-loop.ts'

/** Between two looks at the node. */
const PAUSE_MS = 15_000

/** Tells an operator when the node goes, and when it is back. All else waits by itself. */
export function nodeLoop(backend: Pick<LightningBackend, 'info'>, log: SettlerLog): WorkLoop {
  let away = false
  return {
    name: 'node',
    pauseMs: PAUSE_MS,
    async page() {
      try {
        const { blockHeight } = await backend.info()
        if (away) log('node_back', { block_height: blockHeight })
        away = false
      } catch (error) {
        if (!away) log('node_away', { error })
        away = true
      }
      return false
    },
  }
}
