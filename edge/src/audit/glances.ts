import type { ReceiptStatement, SignedReceipt } from '@infernet/schemas/receipt'
import { receiptFaults } from '@infernet/verification/verdict/receipt-faults'
import type { Drawn, EndedAnswer, Signed } from './audit-case.ts'
import { PromptChecks, type PromptChecksOptions } from './prompt-checks.ts'
import { Unselected } from './unselected.ts'

export interface GlancesOptions extends PromptChecksOptions {
  /** Whether the answer's provider still has the connection that it came over. */
  readonly isKept: (answer: EndedAnswer) => boolean
  /** It is to be audited after all. */
  readonly onSuspect: (drawn: Drawn, statement: ReceiptStatement, receipt: SignedReceipt) => void
}

/**
 * The look at first sight that every answer gets which was not selected, when its receipt comes: whether that is wrong
 * by itself, or commits to another prompt than the provider was given.
 */
export class Glances {
  readonly #options: GlancesOptions
  readonly #unselected = new Unselected<Drawn>()
  readonly #prompts: PromptChecks

  constructor(options: GlancesOptions) {
    this.#options = options
    this.#prompts = new PromptChecks(options)
  }

  /** An answer was not selected. */
  add(drawn: Drawn): void {
    this.#unselected.add(drawn)
  }

  /** A receipt has been verified and stored; nothing happens for those of other answers. */
  receipt(statement: ReceiptStatement, receipt: SignedReceipt): void {
    const drawn = this.#unselected.take(statement.lease)
    if (drawn === undefined) return
    const { claim } = statement
    if (receiptFaults(drawn.answer, statement, drawn.spec).length > 0)
      this.#options.onSuspect(drawn, statement, receipt)
    else if (claim !== undefined)
      void this.#compare(drawn, { statement: { ...statement, claim }, receipt })
  }

  /** Never rejects. */
  async #compare(drawn: Drawn, { statement, receipt }: Signed): Promise<void> {
    const { isKept, onSuspect } = this.#options
    if (!(await this.#prompts.isOther(drawn.answer, statement.claim))) return
    // Who has left meanwhile can show nothing, and owes nothing of what nobody had asked for.
    if (isKept(drawn.answer)) onSuspect(drawn, statement, receipt)
  }
}
