import type { Finding } from './finding.ts'
import { HashPrefixes } from './hash-prefixes.ts'

/** Hashes that are looked up in the ledger in one statement. */
const HASHES_PER_PAGE = 200
/** Differences that are looked at again, of invoices and of payments. The first tells enough. */
const MAX_SUSPECTS = 1_000

/** How one kind of the node's records is compared with the ledger. */
export interface Comparison<Item extends { readonly paymentHash: string }, Fact> {
  load(hashes: readonly string[]): Promise<(Fact & { readonly hash: string })[]>
  compare(item: Item | undefined, fact: Fact): Finding | undefined
  /** The record as it is now, unless it cannot change any more. */
  refresh(item: Item): Promise<Item>
}

/**
 * Compares a stream of the node's records with the ledger, page by page: what it holds in memory are eight
 * bytes per record, and the records that differ.
 */
export class NodeComparison<Item extends { readonly paymentHash: string }, Fact> {
  readonly #comparison: Comparison<Item, Fact>
  readonly #atNode = new HashPrefixes()
  /** Undefined: the ledger has it and the node has not. */
  readonly #suspects = new Map<string, Item | undefined>()
  #omitted = 0

  constructor(comparison: Comparison<Item, Fact>) {
    this.#comparison = comparison
  }

  /** Takes all that the node has. */
  async read(items: AsyncIterable<Item>): Promise<void> {
    let page: Item[] = []
    for await (const item of items) {
      page.push(item)
      if (page.length < HASHES_PER_PAGE) continue
      await this.#readPage(page)
      page = []
    }
    await this.#readPage(page)
  }

  async #readPage(page: readonly Item[]): Promise<void> {
    if (page.length === 0) return
    const items = new Map(page.map((item) => [item.paymentHash, item]))
    for (const hash of items.keys()) this.#atNode.add(hash)
    for (const fact of await this.#comparison.load([...items.keys()])) {
      const item = items.get(fact.hash)
      if (this.#comparison.compare(item, fact) !== undefined) this.#suspect(fact.hash, item)
    }
  }

  /** The ledger has this hash: so must the node, of which everything has been read. */
  expect(hash: string): void {
    if (!this.#atNode.has(hash)) this.#suspect(hash, undefined)
  }

  #suspect(hash: string, item: Item | undefined): void {
    if (this.#suspects.size < MAX_SUSPECTS || this.#suspects.has(hash))
      this.#suspects.set(hash, item)
    else this.#omitted++
  }

  get hasSuspects(): boolean {
    return this.#suspects.size > 0
  }

  /** How many the node has. */
  get size(): number {
    return this.#atNode.size
  }

  /** Differences beyond {@link MAX_SUSPECTS}, which nobody looked at again. */
  get omitted(): number {
    return this.#omitted
  }

  /** Compares what differed once more, both sides as they are now. */
  async findings(): Promise<Finding[]> {
    const hashes = [...this.#suspects.keys()]
    const findings: Finding[] = []
    // The node before the ledger, as at first.
    for (const [hash, item] of this.#suspects)
      if (item !== undefined) this.#suspects.set(hash, await this.#comparison.refresh(item))
    for (let from = 0; from < hashes.length; from += HASHES_PER_PAGE) {
      const facts = await this.#comparison.load(hashes.slice(from, from + HASHES_PER_PAGE))
      for (const fact of facts) {
        const finding = this.#comparison.compare(this.#suspects.get(fact.hash), fact)
        if (finding !== undefined) findings.push(finding)
      }
    }
    return findings
  }
}
