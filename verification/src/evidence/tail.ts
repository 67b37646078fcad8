import { z } from 'zod'

/** More would cost time at every token and tell nothing: rates go down from 1 to 0.001 at most. */
const MAX_TAILS = 32

/** What is known of one statistic of an honest token: P(statistic > above) <= rate. */
const tailSchema = z.strictObject({
  /** Nats. */
  above: z.number().nonnegative(),
  rate: z.number().gt(0).lt(1),
})
export type Tail = z.infer<typeof tailSchema>

/** The tails of one statistic, from the body of its distribution outwards. None: nothing is known. */
export const tailsSchema = z
  .array(tailSchema)
  .max(MAX_TAILS)
  .readonly()
  .refine(
    (tails) =>
      tails.every((tail, i) => {
        const inner = tails[i - 1]
        return inner === undefined || (tail.above > inner.above && tail.rate < inner.rate)
      }),
    'thresholds rise while rates fall',
  )

/** How many tails a value lies in: 0 is the body. */
export function tailCategory(value: number, tails: readonly Tail[]): number {
  let category = 0
  for (const { above } of tails) {
    if (!(value > above)) break
    category++
  }
  return category
}
