import { ApiError } from '@infernet/openai-compat/api-error'
import type { Challenge } from './challenge-desk.ts'

export type PaymentReason = 'no_key' | 'exhausted' | 'expired'

const BECAUSE: Readonly<Record<PaymentReason, string>> = {
  no_key: 'You sent no API key.',
  exhausted: 'What is left of your bundle does not cover what this request may cost.',
  expired: 'Your L402 token has expired; what is left of its bundle can still be taken out.',
}

/** 402 with an invoice for a bundle: the header of L402, and the same in the body. */
export class PaymentRequired extends ApiError {
  readonly challenge: Challenge

  constructor(reason: PaymentReason, challenge: Challenge) {
    const { amountSat, simulated } = challenge
    const price = `${amountSat} sat${simulated ? ' (SIMULATED, no real money)' : ''}`
    super({
      status: 402,
      type: 'insufficient_quota',
      code: 'payment_required',
      shouldRetry: false,
      message: `${BECAUSE[reason]} Pay the Lightning invoice of ${price} in this answer, and send its token and preimage as your credential, or send an API key.`,
    })
    this.challenge = challenge
  }

  /** Beside `error` in the body, for clients that do not read headers. */
  get l402(): object {
    const { invoice, token, apiKey, priceMsat, amountSat, simulated } = this.challenge
    return {
      invoice,
      token,
      price_msat: String(priceMsat),
      amount_sat: amountSat,
      simulated,
      how: `Pay the invoice; your wallet then has the preimage (64 hex digits). Send 'Authorization: L402 TOKEN:PREIMAGE', or use '${apiKey}PREIMAGE' as the API key of any OpenAI client. It is good for all requests until what you paid is spent.`,
    }
  }
}
