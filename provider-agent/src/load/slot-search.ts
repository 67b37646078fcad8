/** What a stretch of full load has shown of an engine. */
export interface Stretch {
  /** Jobs that ran at once. */
  readonly slots: number
  /** Of all jobs together. */
  readonly tokensPerSecond: number
  /** To the first token of a stream, in the middle; undefined without streams. */
  readonly ttftMs: number | undefined
}

/** Between so many jobs at once the best number is looked for. */
export interface SlotBounds {
  readonly least: number
  readonly most: number
}

/** Where the search for the best number of jobs at once stands. */
export interface SlotSearch {
  /** Jobs that may run at once now. */
  readonly slots: number
  /** The best so far; undefined until one stretch has been seen. */
  readonly proven: Stretch | undefined
  /** What is tried next. */
  readonly next: 'more' | 'fewer'
  /** Every try so far was worth it: larger steps are taken. */
  readonly isRising: boolean
  /** Stretches to go with {@link proven} before the next try. */
  readonly rest: number
  /** Such stretches after a try in vain. */
  readonly patience: number
}

/**
 * A job more is worth it while it adds a quarter of what a job brings on average. Where a batch slows
 * its answers down evenly, that is at three quarters of what the engine could ever do.
 */
const WORTH = 0.25
/** Large enough to tell what it brings from the noise between two stretches. */
const STEP = 1.4
const RISING_STEP = 2
/** From here on first tokens may take longer only by as much as more is done. */
const LATE_MS = 3_000
/** Every try in vain costs a stretch: some of them an hour, where nothing changes. */
const MAX_PATIENCE = 16
/** Weight of a new stretch beside what was known of that number. */
const NEW_SHARE = 0.4

export const startedSearch = (slots: number): SlotSearch => ({
  slots,
  proven: undefined,
  next: 'more',
  isRising: true,
  rest: 0,
  patience: 1,
})

/**
 * The search after one more stretch with its slots: hill climbing, by what each job more brings. A try
 * that was worth it goes on in its direction; one that was not goes back, and waits before the other one.
 */
export function searchAfter(search: SlotSearch, stretch: Stretch, bounds: SlotBounds): SlotSearch {
  const { proven, rest } = search
  if (proven === undefined) return trying({ ...search, proven: stretch }, bounds)
  if (search.slots === proven.slots) {
    const known = { ...search, proven: mixed(proven, stretch) }
    return rest > 0 ? { ...known, rest: rest - 1 } : trying(known, bounds)
  }
  const isMore = search.slots > proven.slots
  const isWorth = isMore ? isWorthMore(proven, stretch) : !isWorthMore(stretch, proven)
  if (isWorth) return trying({ ...search, proven: stretch, patience: 1 }, bounds)
  const patience = Math.min(MAX_PATIENCE, 2 * search.patience)
  return {
    slots: proven.slots,
    proven,
    next: isMore ? 'fewer' : 'more',
    isRising: false,
    rest: patience,
    patience,
  }
}

/** The search within other bounds: what was learned outside of them is forgotten. */
export function searchWithin(search: SlotSearch, { least, most }: SlotBounds): SlotSearch {
  const slots = Math.max(least, Math.min(most, search.slots))
  const isProvenHere = search.proven === undefined || search.proven.slots <= most
  return slots === search.slots && isProvenHere ? search : startedSearch(slots)
}

function trying(search: SlotSearch, bounds: SlotBounds): SlotSearch {
  const slots = stepFrom(search, bounds)
  if (slots !== search.slots) return { ...search, slots, rest: 0 }
  const next = search.next === 'more' ? 'fewer' : 'more'
  const patience = Math.min(MAX_PATIENCE, 2 * search.patience)
  return { ...search, next, isRising: false, rest: patience, patience }
}

function stepFrom({ slots, next, isRising }: SlotSearch, { least, most }: SlotBounds): number {
  if (next === 'fewer') return Math.max(least, Math.min(slots - 1, Math.floor(slots / STEP)))
  return Math.min(most, Math.max(slots + 1, Math.ceil(slots * (isRising ? RISING_STEP : STEP))))
}

/** Whether the jobs that `more` has above `fewer` are worth having. */
function isWorthMore(fewer: Stretch, more: Stretch): boolean {
  if (isTooLate(fewer, more)) return false
  const brought = more.tokensPerSecond - fewer.tokensPerSecond
  const onAverage = (fewer.tokensPerSecond / fewer.slots) * (more.slots - fewer.slots)
  return brought >= WORTH * onAverage
}

const isTooLate = (fewer: Stretch, more: Stretch): boolean =>
  fewer.ttftMs !== undefined &&
  more.ttftMs !== undefined &&
  more.ttftMs > LATE_MS &&
  more.ttftMs * fewer.tokensPerSecond > fewer.ttftMs * more.tokensPerSecond

const mixed = (known: Stretch, latest: Stretch): Stretch => ({
  slots: known.slots,
  tokensPerSecond:
    known.tokensPerSecond + NEW_SHARE * (latest.tokensPerSecond - known.tokensPerSecond),
  ttftMs:
    known.ttftMs === undefined || latest.ttftMs === undefined
      ? (latest.ttftMs ?? known.ttftMs)
      : known.ttftMs + NEW_SHARE * (latest.ttftMs - known.ttftMs),
})
