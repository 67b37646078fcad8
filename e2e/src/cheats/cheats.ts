import type { Cheat } from './cheat.ts'
import { droppedPrompt } from './dropped-prompt.ts'
import { hot } from './hot.ts'
import { inflated } from './inflated.ts'
import { intermittent } from './intermittent.ts'
import { lowBit } from './low-bit.ts'
import { otherText } from './other-text.ts'
import { ownSeed } from './own-seed.ts'
import { short } from './short.ts'
import { silent } from './silent.ts'
import { smallForger } from './small-forger.ts'

/** Every kind of cheat that must be found. */
export const CHEATS = {
  'own-seed': ownSeed,
  hot,
  'low-bit': lowBit,
  'small-forger': smallForger,
  'dropped-prompt': droppedPrompt,
  short,
  inflated,
  'other-text': otherText,
  silent,
  intermittent,
} as const satisfies Record<string, Cheat>
export type CheatName = keyof typeof CHEATS
