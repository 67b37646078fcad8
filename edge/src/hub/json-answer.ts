import { meterAnswer, withMember, withUsage } from '@infernet/openai-compat/completion-meter'
import type { StreamLeg } from '@infernet/openai-compat/stream-meter'
import { billedUsage, makeUsage } from '@infernet/openai-compat/usage'
import { NOTE_KEY, type VerificationNote } from '@infernet/openai-compat/verification-note'
import type { JobRecord } from '@infernet/schemas/job-record'
import { MAX_ANSWER_BYTES } from '@infernet/schemas/limits'
import type { JobOrder } from '../ports.ts'
import { concatenate } from './job-body.ts'
import { ROUTING_KEY, type RoutingMetadata } from './routing-metadata.ts'

/** An answer that its client can use. */
export interface WholeAnswer {
  /** The answer's own id; embeddings have none. */
  readonly id: string | undefined
  readonly finishReason: string | undefined
  /** The content of its first choice. */
  readonly text: string | undefined
  readonly delivered: StreamLeg
  /** The bytes for the client: the provider's, with what is billed as their usage. */
  billed(
    record: JobRecord,
    routing: RoutingMetadata | undefined,
    note: VerificationNote | undefined,
  ): Uint8Array
}

/** An answer that goes out whole: what one provider sent of it is nothing until all of it is there. */
export class JsonAnswer {
  readonly #order: JobOrder
  #pieces: Uint8Array[] = []
  #bytes = 0

  constructor(order: JobOrder) {
    this.#order = order
  }

  /** False when the answer has become too large to be kept. */
  write(payload: Uint8Array): boolean {
    this.#bytes += payload.length
    this.#pieces.push(payload)
    return this.#bytes <= MAX_ANSWER_BYTES
  }

  /** Forgets what a failed provider sent. */
  drop(): void {
    this.#pieces = []
    this.#bytes = 0
  }

  /** The provider has said everything. Undefined when that is no usable answer to the request. */
  finish(): WholeAnswer | undefined {
    const body = concatenate(this.#pieces)
    this.drop()
    const { endpoint } = this.#order.rules
    const expected = endpoint === 'embeddings' ? this.#order.messages : this.#order.n
    const facts = meterAnswer(endpoint, body)
    if (facts === undefined || facts.choices < expected) return undefined
    const { id, usage, contentBytes, finishReasons, text } = facts
    return {
      id,
      finishReason: finishReasons[0],
      text,
      delivered: { usage, contentEvents: contentBytes > 0 ? 1 : 0, contentBytes, ended: true },
      billed({ promptTokens, completionTokens, costMsat }, routing, note) {
        const shown = { ...usage, ...makeUsage(promptTokens, completionTokens) }
        const bytes = withUsage(body, billedUsage(shown, costMsat))
        const routed = routing === undefined ? bytes : withMember(bytes, ROUTING_KEY, routing)
        return note === undefined ? routed : withMember(routed, NOTE_KEY, note)
      },
    }
  }
}
