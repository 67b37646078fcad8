import { appealSchema } from '@infernet/schemas/appeal'
import { slashFactsSchema } from '@infernet/schemas/slash-facts'
import { z } from 'zod'
import { chatRequestSchema } from '../chat-request-schema.ts'
import { completionRequestSchema } from '../completion-request-schema.ts'
import { embeddingsRequestSchema } from '../embeddings-request.ts'
import { providerPreferencesSchema } from '../provider-preferences.ts'
import { messagesSchema } from '../messages/messages-schema.ts'
import { responsesRequestSchema } from '../responses/responses-request-schema.ts'
import {
  chatChunkSchema,
  chatCompletionSchema,
  completionChunkSchema,
  completionSchema,
  embeddingsSchema,
  errorSchema,
  usageSchema,
} from './answers.ts'
import {
  topUpListSchema,
  topUpRequestSchema,
  topUpSchema,
  withdrawalListSchema,
  withdrawalRequestSchema,
  withdrawalSchema,
} from './billing-schemas.ts'
import {
  computeQuoteRequestSchema,
  computeQuoteSchema,
  pricedJobListSchema,
  pricedJobRequestSchema,
  pricedJobSchema,
} from './priced-job-schemas.ts'
import {
  auditEpochsSchema,
  calibrationAnswerSchema,
  creditsSchema,
  generationSchema,
  healthSchema,
  keyInfoSchema,
  modelEndpointsSchema,
  modelSchema,
  modelsListSchema,
  openApiSchema,
  readinessSchema,
  receiptSchema,
  usageListSchema,
} from './market-answers.ts'
import { edgeKeySchema, slashEvidenceSchema, slashListSchema } from './slash-schemas.ts'
import { providerListSchema, providerSchema } from './provider-schemas.ts'
import { bundleSchema, closeRequestSchema } from './l402-schemas.ts'
import { anthropicErrorSchema, messageEventSchema, messageSchema } from './messages-answers.ts'
import {
  deletedResponseSchema,
  responseEventSchema,
  responseItemsSchema,
  responseSchema,
} from './responses-answers.ts'

/** The schemas that the document names, in OpenAI's words where OpenAI has some. */
export const COMPONENTS = {
  CreateChatCompletionRequest: chatRequestSchema,
  CreateChatCompletionResponse: chatCompletionSchema,
  CreateChatCompletionStreamResponse: chatChunkSchema,
  CreateCompletionRequest: completionRequestSchema,
  CreateCompletionResponse: completionSchema,
  CreateCompletionStreamResponse: completionChunkSchema,
  CreateEmbeddingRequest: embeddingsRequestSchema,
  CreateEmbeddingResponse: embeddingsSchema,
  CreateResponse: responsesRequestSchema,
  Response: responseSchema,
  ResponseStreamEvent: responseEventSchema,
  ResponseItemList: responseItemsSchema,
  DeletedResponse: deletedResponseSchema,
  CreateMessageRequest: messagesSchema,
  Message: messageSchema,
  MessageStreamEvent: messageEventSchema,
  ProviderPreferences: providerPreferencesSchema,
  Usage: usageSchema,
  Model: modelSchema,
  ListModelsResponse: modelsListSchema,
  ModelEndpoints: modelEndpointsSchema,
  Provider: providerSchema,
  ProviderList: providerListSchema,
  Generation: generationSchema,
  KeyInfo: keyInfoSchema,
  AuditEpochs: auditEpochsSchema,
  Calibration: calibrationAnswerSchema,
  Credits: creditsSchema,
  UsageList: usageListSchema,
  Receipt: receiptSchema,
  EdgeKey: edgeKeySchema,
  Slash: slashFactsSchema,
  SlashList: slashListSchema,
  SlashEvidence: slashEvidenceSchema,
  CreateAppeal: appealSchema,
  CreateTopUp: topUpRequestSchema,
  TopUp: topUpSchema,
  TopUpList: topUpListSchema,
  CreateWithdrawal: withdrawalRequestSchema,
  Withdrawal: withdrawalSchema,
  WithdrawalList: withdrawalListSchema,
  CreateJob: pricedJobRequestSchema,
  Job: pricedJobSchema,
  JobList: pricedJobListSchema,
  CreateComputeQuote: computeQuoteRequestSchema,
  ComputeQuote: computeQuoteSchema,
  Bundle: bundleSchema,
  CloseBundle: closeRequestSchema,
  Health: healthSchema,
  Readiness: readinessSchema,
  OpenApi: openApiSchema,
  ErrorResponse: errorSchema,
  AnthropicErrorResponse: anthropicErrorSchema,
} satisfies Record<string, z.ZodType>

export type ComponentName = keyof typeof COMPONENTS
/** A JSON object of the document. */
export type JsonObject = Record<string, unknown>

/** A reference to a named schema. */
export const schemaRef = (name: ComponentName): JsonObject => ({
  $ref: `#/components/schemas/${name}`,
})

/** `content` of a body that is JSON of this schema. */
export const jsonContent = (name: ComponentName): JsonObject => ({
  'application/json': { schema: schemaRef(name) },
})

/**
 * The named schemas as JSON Schema 2020-12, referring to each other by name. Objects are open: new
 * fields may come, in requests for engines and in answers with new versions.
 */
export function componentSchemas(): JsonObject {
  const registry = z.registry<{ id?: string }>()
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    target: 'draft-2020-12',
    io: 'input',
    uri: (id) => `#/components/schemas/${id}`,
  })
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, placed(schema)]))
}

/** OpenAPI names the dialect once for the whole document, and a schema by its place in it. */
function placed(schema: object): JsonObject {
  return Object.fromEntries(
    Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'),
  )
}
