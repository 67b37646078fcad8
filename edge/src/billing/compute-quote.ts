import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { computeQuoteRequestSchema } from '@infernet/openai-compat/openapi/priced-job-schemas'
import {
  computePrice,
  type ComputeRates,
  type ComputeWork,
} from '@infernet/settlement/compute-price'
import { JobPriceError } from '@infernet/settlement/job-price-error'
import { splitFee } from '@infernet/settlement/ledger/fee'
import type { z } from 'zod'
import { outOfBounds } from './fixed-price-order.ts'
import { satOf } from './priced-job-json.ts'

const NOTICE = 'A price only: jobs that are not requests of a model cannot be ordered yet.'

type Request = z.infer<typeof computeQuoteRequestSchema>

/** What computing would cost, as clients see it. Throws ApiError 400. */
export function computeQuoteJson(request: Request, rates: ComputeRates, feeBps: number) {
  const price = priceOf(workOf(request), rates)
  const { fee, net } = splitFee(price, feeBps)
  return {
    object: 'job.quote',
    kind: request.kind,
    price_msat: String(price),
    price_sat: satOf(price),
    fee_msat: String(fee),
    provider_msat: String(net),
    rates: {
      gpu_hour_msat: String(rates.gpuHour),
      gib_hour_msat: String(rates.gibHour),
      exaflop_msat: String(rates.exaflop),
    },
    notice: NOTICE,
  }
}

function workOf(request: Request): ComputeWork {
  const { gpu_seconds: gpuSeconds, flop, memory_gib: memoryGib = 0 } = request
  if ((gpuSeconds === undefined) === (flop === undefined)) {
    throw apiErrors.invalidRequest("Give 'gpu_seconds' or 'flop', one of them.", 'gpu_seconds')
  }
  const seconds = request.seconds ?? gpuSeconds
  if (memoryGib > 0 && seconds === undefined) {
    throw apiErrors.invalidRequest(
      "Missing required parameter: 'seconds' (how long 'memory_gib' are needed).",
      'seconds',
      'missing_required_parameter',
    )
  }
  const memoryGibSeconds = BigInt(memoryGib) * BigInt(seconds ?? 0)
  return flop === undefined
    ? { gpuSeconds: BigInt(gpuSeconds ?? 0), memoryGibSeconds }
    : { flop: BigInt(flop), memoryGibSeconds }
}

function priceOf(work: ComputeWork, rates: ComputeRates): bigint {
  try {
    return computePrice(work, rates)
  } catch (error) {
    throw error instanceof JobPriceError ? outOfBounds(error) : error
  }
}
