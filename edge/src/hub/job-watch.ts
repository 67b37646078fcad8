import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { JobOrder } from '../ports.ts'

/** Who looks on while jobs run. Called in the middle of them: neither may throw or take long. */
export interface JobWatch {
  /** A job was given to the first provider. */
  leased(order: JobOrder, provider: PeerId): void
  /** A job is over; a JSON answer has not reached its client yet. */
  ended(order: JobOrder, record: JobRecord): void
}
