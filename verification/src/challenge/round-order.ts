/** Who is asked in one round of a challenge. */
export type Round = 'first' | 'second' | 'together'

/** All orders that three rounds can have. */
const ORDERS: readonly (readonly Round[])[] = [
  ['first', 'second', 'together'],
  ['first', 'together', 'second'],
  ['second', 'first', 'together'],
  ['second', 'together', 'first'],
  ['together', 'first', 'second'],
  ['together', 'second', 'first'],
]

/**
 * The rounds of one block, each once, in an order that is drawn by a number in [0, 1). All that the evidence promises
 * rests on that every order is as likely as any other, and that nobody knows it before.
 */
export const roundOrder = (draw: number): readonly Round[] =>
  ORDERS[Math.floor(draw * ORDERS.length)] ?? []
