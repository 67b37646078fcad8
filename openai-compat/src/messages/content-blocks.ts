import type { ToolCallPiece } from './chat-answer-schema.ts'
import type { BlockDelta, ContentBlock, MessageEvent } from './message-types.ts'
import { callId, type MessageHead, textBlock, toolUseBlock } from './messages-answer.ts'

/** What is being written: text, thoughts, or the tool call with this index. */
type Writing = 'text' | 'thinking' | number

/**
 * The content blocks of a streamed message. Chat chunks say what a piece belongs to; Anthropic's
 * events open and close blocks around their pieces, one block at a time.
 */
export class ContentBlocks {
  readonly #head: MessageHead
  #writing: Writing | undefined
  /** Blocks opened so far. */
  #opened = 0
  /** Calls opened so far; those before the last are closed. */
  readonly #calls = new Set<number>()

  constructor(head: MessageHead) {
    this.#head = head
  }

  say(text: string): MessageEvent[] {
    return [...this.#open('text', textBlock('')), this.#delta({ type: 'text_delta', text })]
  }

  think(thinking: string): MessageEvent[] {
    const block: ContentBlock = { type: 'thinking', thinking: '', signature: '' }
    return [...this.#open('thinking', block), this.#delta({ type: 'thinking_delta', thinking })]
  }

  /** Undefined for a piece of a call whose block is closed: engines write one call after another. */
  call({ index, id, function: called }: ToolCallPiece): MessageEvent[] | undefined {
    const isNew = !this.#calls.has(index)
    if (!isNew && this.#writing !== index) return undefined
    this.#calls.add(index)
    const block = toolUseBlock(id || callId(this.#head, index), called?.name ?? '')
    const events = this.#open(index, block)
    const json = called?.arguments
    if (json) events.push(this.#delta({ type: 'input_json_delta', partial_json: json }))
    return events
  }

  /** Closes the block that is open, if any. */
  close(): MessageEvent[] {
    if (this.#writing === undefined) return []
    this.#writing = undefined
    return [{ type: 'content_block_stop', index: this.#opened - 1 }]
  }

  #open(what: Writing, block: ContentBlock): MessageEvent[] {
    if (this.#writing === what) return []
    const events = this.close()
    this.#writing = what
    const index = this.#opened++
    return [...events, { type: 'content_block_start', index, content_block: block }]
  }

  #delta(delta: BlockDelta): MessageEvent {
    return { type: 'content_block_delta', index: this.#opened - 1, delta }
  }
}
