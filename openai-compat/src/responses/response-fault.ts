/** What the engine says is no response: too much for one, or a call without a name. */
export class ResponseFaultError extends Error {
  override readonly name = 'ResponseFaultError'
  readonly code: 'response_too_large' | 'too_many_calls' | 'unnamed_call'

  constructor(code: ResponseFaultError['code']) {
    super(`The engine's answer cannot become a response: ${code}.`)
    this.code = code
  }
}
