import type { JobHeader, ModelOffer, Price } from '@infernet/schemas/wire'
import type { JobOrder } from '../ports.ts'
import type { Attempt } from './attempt.ts'

const FREE: Price = { prompt: 0, completion: 0 }

/** What a lease of the job costs with a provider, who has `offer` of its model or took it back just now. */
export function leasePrice({ isSelfTest, rules }: JobOrder, offer: ModelOffer | undefined): Price {
  return isSelfTest === true ? FREE : (offer?.price ?? rules.maxPrice)
}

/** As much of a lease as its provider is told. */
type OfferedLease = Pick<Attempt, 'lease' | 'price' | 'task'> & {
  readonly run: Pick<Attempt['run'], 'order'>
}

/** How a lease is offered, beside the request itself. `seed`: what its tokens are drawn with. */
export function jobHeader(
  { lease, price, task, run: { order } }: OfferedLease,
  { seed, timeLeftMs }: { readonly seed: number; readonly timeLeftMs: number },
): JobHeader {
  return {
    job: order.job,
    lease,
    endpoint: order.rules.endpoint,
    continues: task.continues,
    model: order.model,
    seed,
    stream: order.stream,
    include_usage: order.includeUsage,
    max_output_tokens: task.maxOutputTokens,
    deadline_ms: Math.max(1, Math.floor(timeLeftMs)),
    price,
  }
}
