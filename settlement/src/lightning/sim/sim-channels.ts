import type { SimChannel } from './sim-state.ts'

/** LND's default forwarding fees: they make fee limits matter beyond a direct channel. */
const BASE_FEE_MSAT = 1000n
const FEE_PER_MILLION = 1n

/** A way for a payment, and what each of its channels carries, first one first. */
export interface SimRoute {
  readonly nodes: readonly string[]
  readonly amounts: readonly bigint[]
  readonly feeMsat: bigint
}

/** The channels between simulated nodes; an HTLC takes its amounts out of the sender's sides. */
export class SimChannels {
  readonly #channels: SimChannel[]

  constructor(channels: SimChannel[]) {
    this.#channels = channels
  }

  open(a: string, b: string, aMsat: bigint, bMsat: bigint): void {
    this.#channels.push({ a, b, aMsat, bMsat })
  }

  /** What `node` and its peers have, over all its channels. */
  balance(node: string): { localMsat: bigint; remoteMsat: bigint } {
    let localMsat = 0n
    let remoteMsat = 0n
    for (const { a, b, aMsat, bMsat } of this.#channels) {
      if (a === node) [localMsat, remoteMsat] = [localMsat + aMsat, remoteMsat + bMsat]
      if (b === node) [localMsat, remoteMsat] = [localMsat + bMsat, remoteMsat + aMsat]
    }
    return { localMsat, remoteMsat }
  }

  /** The way with the fewest hops that can carry `amountMsat`. */
  route(from: string, to: string, amountMsat: bigint): SimRoute | undefined {
    const waiting: string[][] = [[to]]
    const seen = new Set([to])
    for (let nodes = waiting.shift(); nodes !== undefined; nodes = waiting.shift()) {
      const [head = ''] = nodes
      const amounts = amountsAlong(nodes.length - 1, amountMsat)
      if (head === from && nodes.length > 1)
        return { nodes, amounts, feeMsat: (amounts[0] ?? 0n) - amountMsat }
      const [needed = 0n] = amountsAlong(nodes.length, amountMsat)
      for (const peer of this.#peers(head))
        if (!seen.has(peer) && this.#side(peer, head, needed) !== undefined) {
          seen.add(peer)
          waiting.push([peer, ...nodes])
        }
    }
    return undefined
  }

  /** Takes the amounts out of the senders' sides; the route must have come from {@link route}. */
  lock({ nodes, amounts }: SimRoute): void {
    for (const [index, amount] of amounts.entries())
      this.#add(nodes[index], nodes[index + 1], nodes[index], -amount)
  }

  /** Hands what was locked to the next node, or back. */
  release(nodes: readonly string[], amountMsat: bigint, outcome: 'settle' | 'fail'): void {
    for (const [index, amount] of amountsAlong(nodes.length - 1, amountMsat).entries()) {
      const receiver = outcome === 'settle' ? nodes[index + 1] : nodes[index]
      this.#add(nodes[index], nodes[index + 1], receiver, amount)
    }
  }

  #peers(node: string): string[] {
    return this.#channels.flatMap(({ a, b }) => (a === node ? [b] : b === node ? [a] : []))
  }

  /** The channel in which `from` has at least `amountMsat` towards `to`. */
  #side(from: string, to: string, amountMsat: bigint): SimChannel | undefined {
    return this.#channels.find(
      ({ a, b, aMsat, bMsat }) =>
        (a === from && b === to && aMsat >= amountMsat) ||
        (b === from && a === to && bMsat >= amountMsat),
    )
  }

  #add(from = '', to = '', receiver = '', amountMsat: bigint): void {
    const channel =
      this.#side(from, to, amountMsat < 0n ? -amountMsat : 0n) ?? this.#side(from, to, 0n)
    if (channel === undefined) throw new Error('A simulated channel is gone')
    if (channel.a === receiver) channel.aMsat += amountMsat
    else channel.bMsat += amountMsat
    if (channel.aMsat < 0n || channel.bMsat < 0n)
      throw new Error('A simulated channel is overdrawn')
  }
}

/** What each of `hops` channels carries so that the last one carries `amountMsat`. */
function amountsAlong(hops: number, amountMsat: bigint): bigint[] {
  const amounts: bigint[] = []
  let amount = amountMsat
  for (let hop = 0; hop < hops; hop++) {
    amounts.unshift(amount)
    amount += BASE_FEE_MSAT + (amount * FEE_PER_MILLION) / 1_000_000n
  }
  return amounts
}
