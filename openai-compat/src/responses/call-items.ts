import { ResponseFaultError } from './response-fault.ts'
import { itemId } from './response-ids.ts'
import type { OutputCall } from './response-types.ts'
import type { NamespacedName } from './shown-tools.ts'
import type { CallPiece, ResponseEvent } from './response-writer.ts'

/** Characters in a call's id; what is longer could not be sent back in a request. */
const MAX_ID_CHARS = 256
/** Calls in one answer; of more, the outputs could not be sent back either. */
const MAX_CALLS = 128

/** A call that the model writes. `at` is its place in the output, once it has a name to be told by. */
interface OpenCall {
  readonly item: OutputCall
  at: number | undefined
}

/**
 * The calls of one response. Their pieces may come in turns, so that each stays open until all are
 * over; a call is told when its name is known.
 */
export class CallItems {
  readonly #response: string
  readonly #namespaced: ReadonlyMap<string, NamespacedName>
  readonly #host: {
    add(item: OutputCall): number
    emit(event: ResponseEvent): void
  }
  /** By chat's index. */
  readonly #calls = new Map<number, OpenCall>()
  readonly #ids = new Set<string>()

  /** `namespaced`: the functions that the model knows by other names than the client. */
  constructor(
    response: string,
    namespaced: ReadonlyMap<string, NamespacedName>,
    host: { add(item: OutputCall): number; emit(event: ResponseEvent): void },
  ) {
    this.#response = response
    this.#namespaced = namespaced
    this.#host = host
  }

  get empty(): boolean {
    return this.#calls.size === 0
  }

  add({ index, id, name, arguments: text = '' }: CallPiece): void {
    const call = this.#calls.get(index) ?? this.#begin(index, id)
    if (call.at === undefined && name) {
      Object.assign(call.item, this.#namespaced.get(name) ?? { name })
      this.#tell(call)
    }
    if (text === '') return
    call.item.arguments += text
    if (call.at !== undefined) this.#delta(call, call.at, text)
  }

  /** Ends all calls, in the order in which they began; false if one never got a name. */
  close(status: 'completed' | 'incomplete'): boolean {
    for (const { at, item } of this.#calls.values()) {
      if (at === undefined) return false
      this.#host.emit({
        type: 'response.function_call_arguments.done',
        item_id: item.id,
        output_index: at,
        name: item.name,
        arguments: item.arguments,
      })
      item.status = status
      this.#host.emit({ type: 'response.output_item.done', output_index: at, item })
    }
    return true
  }

  /** Throws ResponseFaultError for one too many. */
  #begin(index: number, id: string | undefined): OpenCall {
    if (this.#calls.size === MAX_CALLS) throw new ResponseFaultError('too_many_calls')
    const place = `c${this.#calls.size}`
    const own = itemId(this.#response, 'function_call', place)
    // Some engines give every call the same id, or none; outputs could not be told apart.
    const isUsable = id && id.length <= MAX_ID_CHARS && !this.#ids.has(id)
    const callId = isUsable ? id : `call_${own.slice('fc_'.length)}`
    this.#ids.add(callId)
    const item: OutputCall = {
      id: own,
      type: 'function_call',
      status: 'in_progress',
      call_id: callId,
      name: '',
      arguments: '',
    }
    const call: OpenCall = { item, at: undefined }
    this.#calls.set(index, call)
    return call
  }

  #tell(call: OpenCall): void {
    const { item } = call
    const early = item.arguments
    item.arguments = ''
    const at = this.#host.add(item)
    call.at = at
    item.arguments = early
    if (early !== '') this.#delta(call, at, early)
  }

  #delta({ item }: OpenCall, at: number, delta: string): void {
    this.#host.emit({
      type: 'response.function_call_arguments.delta',
      item_id: item.id,
      output_index: at,
      delta,
    })
  }
}
