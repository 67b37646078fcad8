import { formatSat, grouped } from './amounts.ts'
import { explain } from './api-problem.ts'
import { setText } from './dom.ts'
import type { Card, Session } from './session.ts'

/** What may be spent now, and what running requests hold. */
export function balanceCard({ api }: Session): Card {
  return {
    async refresh() {
      try {
        const { available_msat, reserved_msat } = await api.credits()
        if (api.signal.aborted) return
        setText('available', formatSat(BigInt(available_msat)))
        setText('available-msat', grouped(available_msat))
        const held = BigInt(reserved_msat)
        setText('held', held === 0n ? '' : `, and ${formatSat(held)} sat held for running requests`)
        setText('balance-error', '')
      } catch (error) {
        if (!api.signal.aborted) setText('balance-error', explain(error))
      }
    },
  }
}
