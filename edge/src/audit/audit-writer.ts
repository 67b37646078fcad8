import { RECORD_RETRY_MS, RECORD_TRIES } from './audit-limits.ts'
import type { Audit, AuditStore, ConductChange } from './audit-port.ts'

export interface AuditWriterOptions {
  readonly store: Pick<AuditStore, 'record'>
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  readonly onError: (error: unknown) => void
}

/**
 * Writes verdicts down. One that cannot be written is tried again a few times: of a sample, one may be lost. What
 * convicts is tried until it is written.
 */
export class AuditWriter {
  readonly #options: AuditWriterOptions

  constructor(options: AuditWriterOptions) {
    this.#options = options
  }

  /** An audit, and what follows from it for its provider. */
  write(audit: Audit, change: ConductChange | undefined): void {
    this.#try(audit, change, RECORD_TRIES)
  }

  #try(audit: Audit, change: ConductChange | undefined, tries: number): void {
    const { store, later, onError } = this.#options
    store.record(audit, change).catch((error: unknown) => {
      onError(error)
      const left = change?.slash === undefined ? tries - 1 : tries
      if (left > 0) later(() => this.#try(audit, change, left), RECORD_RETRY_MS)
    })
  }
}
