import type { SettlerPort } from '../billing/billing-port.ts'
import type { StorePort } from '../ports.ts'

type LedgerStore = Pick<StorePort, 'writeLedgerEvents'>

/** The settler looks at everything when it is woken: more often than that is of no use to any provider. */
const WAKE_EVERY_MS = 1_000

/**
 * A store that tells the settler when jobs were captured: there are earnings to release. At most once a
 * second; what comes between is seen by the settler's next round.
 */
export function wakingStore<Store extends LedgerStore>(
  store: Store,
  settler: SettlerPort,
  now: () => number,
): Store {
  let wokenAt = Number.NEGATIVE_INFINITY
  return {
    ...store,
    async writeLedgerEvents(batch) {
      await store.writeLedgerEvents(batch)
      if (batch.records.length === 0 || now() < wokenAt + WAKE_EVERY_MS) return
      wokenAt = now()
      try {
        await settler.wake()
      } catch {
        // What was captured is written; the next round finds it.
      }
    },
  }
}
