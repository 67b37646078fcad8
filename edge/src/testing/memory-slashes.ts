import type { PeerId } from '@infernet/schemas/peer-id'
import { nextConduct } from '@infernet/verification/reputation/conduct'
import type { SlashState, SlashStore, StoredSlash } from '../audit/slash-port.ts'
import type { MemoryAudits } from './memory-audits.ts'

/** What the conformance suite of `db/` asks of the rows of slashes. */
export class MemorySlashes implements SlashStore {
  readonly #audits: MemoryAudits

  constructor(audits: MemoryAudits) {
    this.#audits = audits
  }

  async find(id: string): Promise<StoredSlash | undefined> {
    return this.#audits.slashes.get(id)?.slash
  }

  async ofProvider(provider: PeerId): Promise<readonly StoredSlash[]> {
    return [...this.#audits.slashes.values()]
      .map(({ slash }) => slash)
      .filter((slash) => slash.provider === provider)
      .toSorted((a, b) => b.openedAt - a.openedAt)
  }

  async inState(state: SlashState): Promise<readonly StoredSlash[]> {
    return [...this.#audits.slashes.values()]
      .map(({ slash }) => slash)
      .filter((slash) => slash.state === state)
      .toSorted((a, b) => a.openedAt - b.openedAt)
  }

  async evidenceOf(id: string): Promise<string | undefined> {
    return this.#audits.slashes.get(id)?.evidence
  }

  async appeal(
    id: string,
    { reason, at }: { readonly reason: string; readonly at: number },
  ): Promise<boolean> {
    const row = this.#audits.slashes.get(id)
    if (row?.slash.state !== 'open' || at >= row.slash.appealUntil) return false
    row.slash = { ...row.slash, state: 'appealed', appeal: reason, appealedAt: at }
    this.#conducted(row.slash.provider, 'appealed', at)
    return true
  }

  async decide(id: string, decision: 'upheld' | 'denied', at: number): Promise<boolean> {
    const row = this.#audits.slashes.get(id)
    if (row?.slash.state !== 'appealed') return false
    const state = decision === 'upheld' ? 'lifted' : 'due'
    row.slash = { ...row.slash, state, decidedAt: at }
    if (decision === 'denied') return true
    this.#conducted(row.slash.provider, 'appeal_upheld', at)
    this.#audits.withdraw(row.slash)
    this.#audits.forget(row.slash.provider)
    return true
  }

  #conducted(provider: PeerId, type: 'appealed' | 'appeal_upheld', at: number): void {
    const conduct = this.#audits.conducts.get(provider)
    if (conduct !== undefined)
      this.#audits.conducts.set(provider, nextConduct(conduct, { type }, at))
  }
}
