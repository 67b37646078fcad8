import { TranscriptStore } from '@infernet/provider-agent/claims/transcript-store'
import type { Cheat } from './cheat.ts'

/** Never opens what it has signed. */
export const silent: Cheat = (honest) => {
  TranscriptStore.prototype.open = () => undefined
  return honest
}
