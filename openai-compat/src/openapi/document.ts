import { componentSchemas, type JsonObject, schemaRef } from './components.ts'
import { errorAnswers, errorRefs } from './error-answers.ts'
import { ALWAYS, headerRefs, HEADERS } from './headers.ts'
import { type Operation, TAGS } from './operation.ts'
import { OPERATIONS } from './operations.ts'
import { PARAMETERS } from './parameters.ts'

/** Of the API, not of its software: it changes when clients must know. */
const API_VERSION = '1.0.0'

const DESCRIPTION = `An OpenAI-compatible API on GPUs that belong to many independent providers.
Fields of a request that are not listed here are passed to the engine. Answers may have fields that are not listed here.
Costs are in msat, a thousandth of a satoshi. All paths below \`/v1\` are served without that prefix too.`

/** Either header carries the same key. */
const KEY: readonly JsonObject[] = [{ bearer: [] }, { apiKey: [] }]

/** The API as an OpenAPI 3.1 document. `origin` is where it is served, without a slash at its end. */
export function openApiDocument(origin: string): JsonObject {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Infernet',
      version: API_VERSION,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: origin }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: paths(),
    components: {
      schemas: componentSchemas(),
      parameters: PARAMETERS,
      headers: HEADERS,
      responses: errorAnswers(['openai', 'anthropic']),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
    },
  }
}

function paths(): JsonObject {
  const byPath = Map.groupBy(OPERATIONS, ({ path }) => path)
  return Object.fromEntries(
    [...byPath].map(([path, operations]) => [
      path,
      Object.fromEntries(operations.map((operation) => [operation.method, described(operation)])),
    ]),
  )
}

function described(operation: Operation): JsonObject {
  const { id, tag, summary, open, parameters = [], request, errors, errorStyle } = operation
  return {
    operationId: id,
    tags: [tag],
    summary,
    security: open === true ? [] : KEY,
    ...(parameters.length === 0
      ? {}
      : { parameters: parameters.map((name) => ({ $ref: `#/components/parameters/${name}` })) }),
    ...(request === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: schemaRef(request.schema), example: request.example },
            },
          },
        }),
    responses: { ...answers(operation), ...errorRefs(errors, errorStyle ?? 'openai') },
  }
}

function answers({ answer, others = {} }: Operation): JsonObject {
  if (answer === undefined) return others
  const { description, json, events, headers = ALWAYS } = answer
  const content = {
    ...(json === undefined ? {} : { 'application/json': { schema: schemaRef(json) } }),
    ...(events === undefined
      ? {}
      : {
          'text/event-stream': {
            // Of one event, as readers of such streams see it: its data is the JSON text of the object.
            schema: {
              type: 'object',
              properties: {
                data: {
                  type: 'string',
                  contentMediaType: 'application/json',
                  contentSchema: schemaRef(events),
                },
              },
            },
          },
        }),
  }
  return { 200: { description, headers: headerRefs(headers), content }, ...others }
}
