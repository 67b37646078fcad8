import type { ComputeRates } from '@infernet/settlement/compute-price'
import type { PricedJobStore } from './priced-jobs-port.ts'

/** Jobs of a fixed price, as routes use them. */
export interface PricedJobsService {
  readonly store: PricedJobStore
  /** The platform's part of what is quoted now, basis points. */
  readonly feeBps: number
  readonly rates: ComputeRates
}
