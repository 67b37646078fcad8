import { MAX_QUEUED, MAX_QUEUED_PER_ACCOUNT } from '../limits.ts'

/** Jobs that could not be placed before a wake gives up: their rules suit nobody who is free. */
export const MAX_FAILED_TRIES = 8
/**
 * As many of those tries are for the jobs whose turn it is, so that a place that becomes free goes to
 * them first. The others go through the rest of the queue, a few further with each wake.
 */
const TRIES_IN_TURN = MAX_FAILED_TRIES / 2

/** Where a job waits, and until when. */
export interface Ticket {
  readonly model: string
  readonly accountId: string
  /** ms since the epoch. */
  readonly deadline: number
}

interface Waiting<J> extends Ticket {
  readonly job: J
}

/** Who waits for one model. */
interface Line<J> {
  /** The jobs of each account, oldest first; the first account's turn is next. */
  readonly accounts: Map<string, Set<Waiting<J>>>
  length: number
  /** How far down the queue the tries out of turn have come. */
  triedTo: number
}

/**
 * Jobs that found every suitable provider full. Bounded, and fair: the accounts that wait for a model
 * take turns, and within an account the oldest job comes first, so that nobody's hundred jobs delay
 * another's one by more than a turn.
 */
export class WaitQueue<J> {
  readonly #waiting = new Map<J, Waiting<J>>()
  readonly #lines = new Map<string, Line<J>>()
  readonly #perAccount = new Map<string, number>()

  get size(): number {
    return this.#waiting.size
  }

  /** Models that jobs wait for. */
  models(): Iterable<string> {
    return this.#lines.keys()
  }

  /** Jobs that wait for this model. */
  lengthOf(model: string): number {
    return this.#lines.get(model)?.length ?? 0
  }

  /** False when there is no room for it. A job that waits already goes to the end. */
  add(job: J, ticket: Ticket): boolean {
    this.remove(job)
    const { model, accountId, deadline } = ticket
    const ofAccount = this.#perAccount.get(accountId) ?? 0
    if (this.size >= MAX_QUEUED || ofAccount >= MAX_QUEUED_PER_ACCOUNT) return false
    const waiting = { job, model, accountId, deadline }
    this.#waiting.set(job, waiting)
    this.#perAccount.set(accountId, ofAccount + 1)
    const line = this.#lines.get(model) ?? { accounts: new Map(), length: 0, triedTo: 0 }
    this.#lines.set(model, line)
    line.length++
    const queue = line.accounts.get(accountId) ?? new Set()
    line.accounts.set(accountId, queue.add(waiting))
    return true
  }

  /** Nothing happens to a job that does not wait. */
  remove(job: J): void {
    const waiting = this.#waiting.get(job)
    if (waiting === undefined) return
    const { model, accountId } = waiting
    this.#waiting.delete(job)
    const ofAccount = (this.#perAccount.get(accountId) ?? 0) - 1
    if (ofAccount > 0) this.#perAccount.set(accountId, ofAccount)
    else this.#perAccount.delete(accountId)
    const line = this.#lines.get(model)
    if (line === undefined) return
    const queue = line.accounts.get(accountId)
    queue?.delete(waiting)
    if (queue?.size === 0) line.accounts.delete(accountId)
    line.length--
    if (line.length === 0) this.#lines.delete(model)
  }

  /**
   * Offers what may have become free to the waiting jobs, in fair order, until
   * {@link MAX_FAILED_TRIES} could not be placed. `tryPlace` says whether a job needs to wait no
   * longer; one that does keeps its place. Jobs that come meanwhile wait for the next wake.
   */
  wake(model: string, tryPlace: (job: J) => boolean): void {
    const line = this.#lines.get(model)
    if (line === undefined) return
    const queue = inFairOrder(line)
    const tries = { from: 0, failures: TRIES_IN_TURN, tryPlace }
    const inTurn = this.#tryInOrder(line, queue, tries)
    const from = Math.max(inTurn.next, line.triedTo)
    const failures = MAX_FAILED_TRIES - inTurn.failed
    const outOfTurn = this.#tryInOrder(line, queue, { from, failures, tryPlace })
    const placed = inTurn.placed + outOfTurn.placed
    line.triedTo = outOfTurn.next < queue.length ? outOfTurn.next - placed : 0
  }

  #tryInOrder(
    line: Line<J>,
    queue: readonly Waiting<J>[],
    tries: { from: number; failures: number; tryPlace: (job: J) => boolean },
  ): { next: number; placed: number; failed: number } {
    let [next, placed, failed] = [tries.from, 0, 0]
    for (; next < queue.length && failed < tries.failures; next++) {
      const waiting = queue[next]
      // It may have left, or left and come back, while others were placed.
      if (waiting === undefined || this.#waiting.get(waiting.job) !== waiting) continue
      if (!tries.tryPlace(waiting.job)) {
        failed++
        continue
      }
      placed++
      if (this.#waiting.get(waiting.job) === waiting) this.remove(waiting.job)
      endTurn(line, waiting.accountId)
    }
    return { next, placed, failed }
  }

  /** Takes out those whose time is over at `now`, ms since the epoch. */
  expire(now: number): J[] {
    const late = [...this.#waiting.values()].filter(({ deadline }) => deadline <= now)
    for (const { job } of late) this.remove(job)
    return late.map(({ job }) => job)
  }
}

/** The first job of each account, then the second of each, and so on. */
function inFairOrder<J>({ accounts, length }: Line<J>): Waiting<J>[] {
  const order: Waiting<J>[] = []
  let queues = [...accounts.values()].map((queue) => queue.values())
  while (order.length < length) {
    queues = queues.filter((queue) => {
      const { value } = queue.next()
      if (value !== undefined) order.push(value)
      return value !== undefined
    })
  }
  return order
}

/** Moves an account behind the others. */
function endTurn<J>({ accounts }: Line<J>, account: string): void {
  const queue = accounts.get(account)
  if (queue === undefined) return
  accounts.delete(account)
  accounts.set(account, queue)
}
