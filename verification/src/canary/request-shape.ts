/** What a request looks like from outside: nothing of what it says. `null`: the request does not have it. */
export interface RequestShape {
  /** UTF-16 units over all messages. */
  readonly promptChars: number
  readonly messages: number
  readonly hasSystem: boolean
  readonly stream: boolean
  readonly maxTokens: number | null
  readonly temperature: number | null
  readonly topP: number | null
  /** Hour of day, UTC, 0 to 23. */
  readonly hour: number
  /** ms since the provider got the request before. */
  readonly interArrivalMs: number
}

/** When a request comes, as far as its provider sees. */
export type Moment = Pick<RequestShape, 'hour' | 'interArrivalMs'>

/** A copy with these fields and nothing else that the object may carry. */
export function shapeOnly(shape: RequestShape): RequestShape {
  const { promptChars, messages, hasSystem, stream, maxTokens } = shape
  const { temperature, topP, hour, interArrivalMs } = shape
  return {
    promptChars,
    messages,
    hasSystem,
    stream,
    maxTokens,
    temperature,
    topP,
    hour,
    interArrivalMs,
  }
}
