import type { JobId } from '@infernet/schemas/ids'
import type { StoredJob } from '../ports.ts'

/** Jobs for those who may see any account's: the operator, and providers their own. */
export interface ReceiptArchive {
  find(job: JobId): Promise<StoredJob | undefined>
}
