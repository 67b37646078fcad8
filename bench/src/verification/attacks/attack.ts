import type { Order } from '../engine-messages.ts'
import type { ClaimedAnswer } from '../judge.ts'
import type { Lab } from '../lab.ts'

/** A way of cheating that numbers must find: what is claimed for these orders. */
export interface Attack {
  /** In `shared/reference/decentralised.md` 4.5. */
  readonly id: string
  readonly name: string
  readonly answers: (lab: Lab, orders: readonly Order[]) => Promise<readonly ClaimedAnswer[]>
}
