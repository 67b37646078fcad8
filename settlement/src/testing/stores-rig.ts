import type { AccountCode } from '../ledger/account-code.ts'

/** What a live balance was told. */
export interface Told {
  readonly accountId: string
  readonly amountMsat: bigint
}

/** A store to be tested, over a journal that other tests may use as well. */
export interface StoreRig<Store> {
  readonly store: Store
  balanceOf(code: AccountCode): Promise<bigint>
  /** Gives an account something to spend, msat. */
  fund(code: AccountCode, amountMsat: bigint): Promise<void>
  /** By the transfer's reference; absent where live balances are told nothing. */
  told?(reference: string): Promise<readonly Told[]>
}

/** Opens a rig whose rows may be shared with rigs before. */
export type OpenRig<Store> = () => Promise<StoreRig<Store>>
