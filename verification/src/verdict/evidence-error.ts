/** `receipt`: a bad signature. `unclaimed` and `spec`: a receipt of something else. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError'
  readonly code: 'malformed' | 'receipt' | 'spec' | 'unclaimed'

  constructor(code: EvidenceError['code'], message: string) {
    super(message)
    this.code = code
  }
}
