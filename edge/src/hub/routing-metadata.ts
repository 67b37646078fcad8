import type { JobOrder } from '../ports.ts'
import type { Attempt } from './attempt.ts'

/** OpenRouter's name for it in answers and last chunks. */
export const ROUTING_KEY = 'openrouter_metadata'

/** How a request found its provider, in OpenRouter's words; for clients who ask with a header. */
export interface RoutingMetadata {
  /** The model that the client named: an alias, or one whose providers were tried before. */
  readonly requested: string
  readonly model: string
  /** What decided between providers. */
  readonly strategy: string
  /** Leases given, the answering one included. */
  readonly attempt: number
  readonly attempts: readonly {
    readonly provider: string
    /** `selected` is the one that ended the answer; else what ended its lease. */
    readonly status: string
    /** ms from its offer to its first byte; null if there was none. */
    readonly latency: number | null
  }[]
}

/** `answerer` is the lease that ended the answer. Undefined when the client did not ask. */
export function routingMetadata(
  { routing, model, rules }: JobOrder,
  attempts: readonly Attempt[],
  answerer: Attempt | undefined,
): RoutingMetadata | undefined {
  if (routing === undefined) return undefined
  return {
    requested: routing.requested,
    model,
    strategy: rules.sort ?? (rules.order.length > 0 ? 'order' : 'balanced'),
    attempt: attempts.length,
    attempts: attempts.map((attempt) => ({
      provider: attempt.session.peer,
      status: attempt === answerer ? 'selected' : (attempt.endedBy ?? attempt.state),
      latency: attempt.firstByteAt === undefined ? null : attempt.firstByteAt - attempt.offeredAt,
    })),
  }
}
