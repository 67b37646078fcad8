import { Balances } from '../ledger/balances.ts'
import { posting } from '../ledger/posting.ts'
import type { StoreRig } from './stores-rig.ts'

/** A store in memory over a journal of its own. */
export function memoryRig<Store>(store: (ledger: Balances) => Store): StoreRig<Store> {
  const ledger = new Balances()
  let funded = 0
  return {
    store: store(ledger),
    balanceOf: async (code) => ledger.of(code),
    async fund(code, amountMsat) {
      ledger.post(
        posting(`test:${++funded}`, 'grant', [
          ['equity:operator', -amountMsat],
          [code, amountMsat],
        ]),
      )
    },
  }
}
