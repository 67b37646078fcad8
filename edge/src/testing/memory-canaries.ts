import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { optedInFor, type OptedInRequest } from '@infernet/verification/canary/opted-in'
import { MAX_UNUSED_PROMPTS, PROMPT_LIFETIME_MS } from '../canary/canary-limits.ts'
import type { CanaryClaim, CanaryPrompt, CanaryStore } from '../canary/canary-port.ts'

interface Row extends OptedInRequest {
  readonly prompt: CanaryPrompt
  isUsed: boolean
}

/** What the conformance suite of `db/` asks of the requests that may become canaries. */
export class MemoryCanaries implements CanaryStore {
  /** Every call fails, as when Postgres cannot be reached. */
  down = false
  /** The latest last. */
  #rows: Row[] = []

  /** Those that nobody was asked yet. */
  get unused(): readonly CanaryPrompt[] {
    return this.#rows.filter(({ isUsed }) => !isUsed).map(({ prompt }) => prompt)
  }

  async add(prompt: CanaryPrompt): Promise<void> {
    this.#reach()
    const { model, body, provider, at, job } = prompt
    const waiting = this.#rows.filter((row) => row.model === model && !row.isUsed)
    const surplus = new Set(waiting.slice(0, Math.max(0, waiting.length - MAX_UNUSED_PROMPTS + 1)))
    const isKnown = this.#rows.some(
      (row) => row.prompt.job === job || (row.model === model && row.promptKey === body),
    )
    this.#rows = this.#rows.filter((row) => row.at >= at - PROMPT_LIFETIME_MS && !surplus.has(row))
    if (isKnown) return
    this.#rows.push({ model, promptKey: body, seenBy: provider, at, isUsed: false, prompt })
    this.#rows.sort((one, other) => one.at - other.at)
  }

  async claim({ model, provider, now }: CanaryClaim): Promise<CanaryPrompt | undefined> {
    this.#reach()
    const fresh = this.#rows.filter(({ at }) => at >= now - PROMPT_LIFETIME_MS)
    const row = optedInFor(provider, model, fresh)
    if (row === undefined) return undefined
    row.isUsed = true
    return row.prompt
  }

  #reach(): void {
    if (this.down) throw new DbUnavailable('down')
  }
}
