import { Ajv2020 } from 'ajv/dist/2020.js'
import examples from './openai-examples.json' with { type: 'json' }
import schemas from './openai-schemas.json' with { type: 'json' }

// Formats such as `unixtime` are OpenAI's own words and no part of JSON Schema.
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
ajv.addSchema(schemas)

/** Names of the schemas that the tests check against. */
export type SchemaName =
  | 'CreateChatCompletionRequest'
  | 'CreateChatCompletionResponse'
  | 'CreateChatCompletionStreamResponse'
  | 'CreateCompletionRequest'
  | 'CreateCompletionResponse'
  | 'CreateEmbeddingRequest'
  | 'CreateEmbeddingResponse'
  | 'ErrorResponse'
  | 'ListModelsResponse'
  | 'Model'
  | 'Response'
  | 'ResponseItemList'
  | 'ResponseStreamEvent'

/** What OpenAI's schema has against a value: one line per problem, none if it is valid. */
export function schemaProblems(name: SchemaName, value: unknown): string[] {
  const validate = ajv.getSchema(`openai#/$defs/${name}`)
  if (validate === undefined) throw new Error(`no schema ${name}`)
  // A round trip, because undefined keys exist in objects but not on the wire.
  void validate(JSON.parse(JSON.stringify(value)))
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
}

/** OpenAI's own examples of POST /v1/chat/completions. */
export const chatExamples: readonly {
  title: string
  request: unknown
  response?: unknown
  chunks?: readonly unknown[]
}[] = examples
