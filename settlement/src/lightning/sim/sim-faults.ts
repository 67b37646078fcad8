/** What may go wrong with one call. */
export type SimFault =
  /** The connection breaks before the node sees the call. */
  | { readonly kind: 'refuse' }
  /** The node does it, and the connection breaks before it can say so. */
  | { readonly kind: 'cut' }
  /** The node does it, and the stream ends in order without a final state: what LND does on shutdown. */
  | { readonly kind: 'end_early' }
  /** The node says the final state twice (lnd #9542). */
  | { readonly kind: 'say_twice' }
  | { readonly kind: 'slow'; readonly ms: number }

/** Faults for the next calls, in order, by the method's name: `SendPaymentV2`. */
export class SimFaults {
  readonly #planned = new Map<string, SimFault[]>()

  plan(method: string, ...faults: readonly SimFault[]): void {
    this.#planned.set(method, [...(this.#planned.get(method) ?? []), ...faults])
  }

  take(method: string): SimFault | undefined {
    return this.#planned.get(method)?.shift()
  }
}
