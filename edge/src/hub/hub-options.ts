import type { JobRecord } from '@infernet/schemas/job-record'
import type { ConductTimes } from '@infernet/verification/reputation/conduct'
import type { AuditKeys } from '../audit/audit-keys.ts'
import type { AuditStore } from '../audit/audit-port.ts'
import type { EdgeEvents } from '../events.ts'
import type { StorePort } from '../ports.ts'
import type { AdmissionRules } from './admission.ts'
import type { JobTimeouts } from './job-timeouts.ts'
import type { JobWatch } from './job-watch.ts'
import type { OnlineTimeOptions } from './online-time.ts'

/** What a host gives the hub. */
export interface HubOptions extends AdmissionRules {
  readonly timeouts: JobTimeouts
  /** See `JobBody`. */
  readonly byteStreams: boolean
  /** See `FrameMux`. */
  readonly schedule: (flush: () => void, delayMs: number) => void
  /** Runs `task` once after `delayMs`; used only while jobs, logins or asks for invoices are under way, so that an idle hub can hibernate. */
  readonly later: (task: () => void, delayMs: number) => void
  readonly now: () => number
  readonly random: () => number
  /** Captures what the job costs; a promise ends when that is done. */
  readonly settle: (record: JobRecord) => Promise<unknown> | void
  readonly store: Pick<StorePort, 'storeReceipts' | 'providerSeen'>
  readonly events: EdgeEvents
  readonly audit: AuditKeys
  /** Absent: nothing is audited. */
  readonly audits?: AuditStore | undefined
  /** How long suspensions and the like last; absent: as documented. */
  readonly conductTimes?: ConductTimes | undefined
  /** Of what verifiers score, so much is followed by a check of theirs, 0 to 1; absent: as documented. */
  readonly verifierCheckShare?: number | undefined
  readonly watch?: JobWatch | undefined
  /** Where it is written for how long providers are here; absent: nowhere. */
  readonly hours?: OnlineTimeOptions['store'] | undefined
}
