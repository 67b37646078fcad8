import { ApiProblem } from './api-problem.ts'
import type { TopUp } from './api-types.ts'
import { isOver } from './top-up-view.ts'

/** Between two looks where events do not come through. */
const LOOK_MS = 2_000
/** Looks before the events are tried again, where none came. */
const LOOKS = 5

interface FollowRim {
  readonly topUpEvents: (id: string) => AsyncIterable<TopUp>
  readonly topUp: (id: string) => Promise<TopUp>
  /** Aborted: nobody wants to know any more. */
  readonly signal: AbortSignal
  readonly sleep: (ms: number) => Promise<void>
}

/**
 * Tells `heard` how a top-up is until it is over: by its events, and by asking where those end or fail, as
 * behind a proxy that holds streams back. Throws ApiProblem when it is gone, or the key is.
 */
export async function followTopUp(
  rim: FollowRim,
  id: string,
  heard: (topUp: TopUp) => void,
): Promise<void> {
  let last: TopUp | undefined
  const hear = (topUp: TopUp): void => {
    last = topUp
    if (!rim.signal.aborted) heard(topUp)
  }
  const goesOn = () => !rim.signal.aborted && (last === undefined || !isOver(last))
  while (goesOn()) {
    let looks = LOOKS
    await unlessFinal(async () => {
      for await (const topUp of rim.topUpEvents(id)) {
        looks = 1
        hear(topUp)
        if (!goesOn()) return
      }
    })
    while (looks-- > 0 && goesOn()) {
      await rim.sleep(LOOK_MS)
      if (goesOn()) await unlessFinal(async () => hear(await rim.topUp(id)))
    }
  }
}

/** What asking again may change is not thrown. */
async function unlessFinal(look: () => Promise<void>): Promise<void> {
  try {
    await look()
  } catch (error) {
    if (error instanceof ApiProblem && error.isFinal) throw error
  }
}
