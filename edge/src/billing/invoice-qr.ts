import { ApiError } from '@infernet/openai-compat/api-error'
import { renderSVG } from 'uqr'
import type { StoredTopUp } from './billing-port.ts'

/** Of one module of the code, in the units of its SVG, which scales. */
const MODULE_SIZE = 4

/**
 * What a wallet scans to pay a top-up, as SVG: BIP 21's `lightning:` URI in capitals, which take a third
 * less room in a QR code. Throws ApiError 409 while there is nothing to pay.
 */
export function invoiceQr({ state, bolt11 }: StoredTopUp): string {
  if (state !== 'open' || bolt11 === undefined) throw notPayable(state)
  return renderSVG(`lightning:${bolt11}`.toUpperCase(), { ecc: 'L', pixelSize: MODULE_SIZE })
}

const notPayable = (state: StoredTopUp['state']): ApiError =>
  new ApiError({
    status: 409,
    type: 'invalid_request_error',
    code: 'topup_not_payable',
    message:
      state === 'requested'
        ? 'The invoice is being made: ask again in a moment.'
        : `There is nothing to pay: the top-up is ${state}.`,
  })
