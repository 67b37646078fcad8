import type { Api } from './api.ts'

const KEY_ITEM = 'infernet-key'

/** Where the keys of orders are whose outcome is not known yet. */
export const ORDER_ITEMS = {
  topUps: 'infernet-top-ups',
  withdrawals: 'infernet-withdrawals',
} as const

/** What the parts of the page share while somebody is signed in. */
export interface Session {
  readonly api: Api
  /** Money has moved: whoever shows it looks again. */
  readonly moneyMoved: () => void
}

/** A part of the page. */
export interface Card {
  /** Shows how things are now, or why that cannot be said. */
  refresh(): Promise<void>
}

/** This tab's key: no cookie, nothing that outlives the tab. What it has ordered is forgotten with it. */
export const keptKey = {
  get: (): string | null => sessionStorage.getItem(KEY_ITEM),
  set: (key: string): void => sessionStorage.setItem(KEY_ITEM, key),
  forget: (): void => {
    for (const item of [KEY_ITEM, ...Object.values(ORDER_ITEMS)]) sessionStorage.removeItem(item)
  },
}

/** Resolves after so long, or at once when `signal` is aborted. */
export const sleepUntil = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
