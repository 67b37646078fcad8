import { CLOSE, type CloseCode } from '@infernet/schemas/close-codes'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability } from '@infernet/schemas/wire'
import { priceFault, type PriceBounds } from '@infernet/settlement/price-bounds'

export interface AdmissionRules {
  /** What providers may ask; absent: anything. */
  readonly prices?: PriceBounds | undefined
  /** The operator's own verifiers: whom every prompt may be shown to, for scoring. */
  readonly trustedVerifiers?: ReadonlySet<string> | undefined
  /** Lets other verifiers in, which are shown what their clients have opened to anybody. */
  readonly openVerifiers?: boolean | undefined
}

interface Refusal {
  readonly code: CloseCode
  readonly fault: 'price' | 'verifier'
  readonly message: string
}

/** Why a peer may not be here with what it offers, or as what it comes; undefined where it may. */
export function refusalOf(
  peer: PeerId,
  { models, role }: Capability,
  { prices, trustedVerifiers, openVerifiers = false }: AdmissionRules,
): Refusal | undefined {
  const dear = prices && priceFault(models, prices)
  if (dear !== undefined) return { code: CLOSE.price, fault: 'price', message: dear }
  if (role !== 'verifier' || openVerifiers || trustedVerifiers?.has(peer)) return undefined
  const message = 'not a trusted verifier: the operator of this edge adds it to INFERNET_VERIFIERS'
  return { code: CLOSE.unauthorized, fault: 'verifier', message }
}
