import { DbError } from '../db/db-port.ts'
import type { AtStep } from './crash-at.ts'
import { MAX_RELEASED_PARTS, type Released } from './release-parts.ts'
import { ROUND_MS, type WorkLoop } from './work-loop.ts'

/** With more parts than these that cannot be released somebody has to look first. */
const MAX_SKIPPED = 1_000

export interface ReleaseLoopParts {
  readonly release: (limit: number, skip: readonly string[]) => Promise<Released>
  readonly nextUnreleased: (skip: readonly string[]) => Promise<string | undefined>
  /** Something has become payable. */
  readonly onReleased: (released: Released) => void
  readonly problem: (id: string, error: unknown) => void
  readonly at: AtStep
}

/**
 * The verification policy: what an audit has found good is released at once, what nobody looked at when it has
 * waited. What failed goes back to whoever paid for it. A part
 * that the journal refuses is found by halving the page, and left to an operator.
 */
export function releaseLoop(parts: ReleaseLoopParts): WorkLoop {
  const skipped: string[] = []
  let size = MAX_RELEASED_PARTS
  return {
    name: 'releases',
    pauseMs: ROUND_MS,
    async page() {
      const { release, nextUnreleased, onReleased, problem, at } = parts
      try {
        at('release:before')
        const released = await release(size, skipped)
        at('release:after')
        if (released.parts > 0) onReleased(released)
        const full = released.parts === size
        size = Math.min(MAX_RELEASED_PARTS, size * 2)
        return full
      } catch (error) {
        if (!(error instanceof DbError) || skipped.length >= MAX_SKIPPED) throw error
        if (size > 1) size = Math.ceil(size / 4)
        else {
          const bad = await nextUnreleased(skipped)
          if (bad !== undefined) {
            skipped.push(bad)
            problem(bad, error)
          }
        }
        return true
      }
    },
  }
}
