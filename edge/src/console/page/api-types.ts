import type {
  topUpListSchema,
  topUpSchema,
  withdrawalListSchema,
  withdrawalSchema,
} from '@infernet/openai-compat/openapi/billing-schemas'
import type {
  creditsSchema,
  keyInfoSchema,
  modelsListSchema,
  usageListSchema,
} from '@infernet/openai-compat/openapi/market-answers'
import type { z } from 'zod'

/** What the API answers, as its own document says. */
export type TopUp = z.infer<typeof topUpSchema>
export type TopUpList = z.infer<typeof topUpListSchema>
export type Withdrawal = z.infer<typeof withdrawalSchema>
export type WithdrawalList = z.infer<typeof withdrawalListSchema>
export type Credits = z.infer<typeof creditsSchema>['data']
export type KeyInfo = z.infer<typeof keyInfoSchema>['data']
export type UsageDay = z.infer<typeof usageListSchema>['data'][number]
export type Model = z.infer<typeof modelsListSchema>['data'][number]
