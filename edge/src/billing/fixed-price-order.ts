import { apiErrors } from '@infernet/openai-compat/api-errors'
import { ApiError } from '@infernet/openai-compat/api-error'
import type { RequestId } from '@infernet/schemas/ids'
import type { Price } from '@infernet/schemas/wire'
import { JobPriceError } from '@infernet/settlement/job-price-error'
import { fixedPrice } from '@infernet/settlement/job-price'
import { jobOrder } from '../inference/job-order.ts'
import type { ParsedRequest } from '../inference/client-api.ts'
import { servedModels, type ModelChoice } from '../inference/served-models.ts'
import { JOB_DEADLINE_MS } from '../limits.ts'
import type { Directory, JobOrder } from '../ports.ts'

type Orderer = Parameters<typeof jobOrder>[0]['identity']

/** Hears of models that were asked for and are not served. */
export type UnmetDemand = (model: string, known: boolean) => void

/**
 * The one model that a job of a fixed price is for: the first of its models that is served. Throws ApiError,
 * also when no provider of it can do what the request needs.
 */
export function pricedModel(
  directory: Directory,
  { request }: ParsedRequest,
  unserved: UnmetDemand,
): ModelChoice {
  const [choice] = servedModels(directory, request, unserved)
  if (choice === undefined) throw apiErrors.modelNotFound(request.model, [])
  const { id, endpoints, capabilities } = choice.model
  if (!endpoints.includes(request.endpoint)) throw apiErrors.unsupported(id, [request.endpoint])
  const lacking = request.needs.filter((need) => !capabilities.includes(need))
  if (lacking.length > 0) throw apiErrors.unsupported(id, lacking)
  return choice
}

/** The order of a job as anybody's with credit, who would pay by the token. Times in ms since the epoch. */
export const tokenOrder = (input: {
  readonly identity: Orderer
  readonly requestId: RequestId
  readonly parsed: ParsedRequest
  readonly choice: ModelChoice
  readonly now: number
}): JobOrder => jobOrder({ ...input, createdAt: input.now, explain: false, trace: undefined })

/** What it costs at a fixed price, msat: the most that it could cost by the token. Throws ApiError 400. */
export function priceOf(order: Pick<JobOrder, 'holdMsat'>): bigint {
  try {
    return fixedPrice(BigInt(order.holdMsat))
  } catch (error) {
    throw error instanceof JobPriceError ? outOfBounds(error) : error
  }
}

export const outOfBounds = ({ code, message }: JobPriceError): ApiError =>
  new ApiError({
    status: 400,
    type: 'invalid_request_error',
    code: code === 'too_dear' ? 'price_above_maximum' : 'invalid_value',
    shouldRetry: false,
    message: code === 'too_dear' ? `${message}. Ask for less at once.` : message,
  })

/**
 * The order of the same job for `priceMsat`, which an escrow holds: its account pays nothing, and no
 * provider gets it that would have to be paid more than the price, should all have become dearer. Its verdict comes
 * before its money, and as nobody is connected meanwhile it may come late.
 */
export function atFixedPrice(order: JobOrder, priceMsat: bigint): JobOrder {
  const { rules, holdMsat, verification } = order
  const maxPrice = lowered(rules.maxPrice, priceMsat, BigInt(holdMsat))
  return {
    ...order,
    holdMsat: 0,
    rules: { ...rules, maxPrice },
    verification: { isOpen: false, ...verification, mode: 'strict', waitMs: JOB_DEADLINE_MS },
  }
}

/** The price at which what costs `costMsat` at `price` costs no more than `mostMsat`. */
function lowered(price: Price, mostMsat: bigint, costMsat: bigint): Price {
  if (costMsat <= mostMsat) return price
  const part = (of: number): number => Number((BigInt(of) * mostMsat) / costMsat)
  return { prompt: part(price.prompt), completion: part(price.completion) }
}
