import {
  LlamaGrammarEvaluationState,
  TokenBias,
  type Llama,
  type LlamaGrammar,
  type LlamaModel,
  type SequenceEvaluateOptions,
  type Token,
} from 'node-llama-cpp'
import { errorMessage } from '../../error-message.ts'
import { JobFault, requestFault } from '../engine.ts'
import type { GenerateRequest, OutputShape } from '../token-source.ts'
import { enforceableSchema } from './enforceable-schema.ts'

/** What node-llama-cpp takes. */
type JsonSchema = Parameters<Llama['createGrammarForJsonSchema']>[0]

/** Generated tokens that count for frequency and presence penalties. */
const PENALTY_TOKENS = 1_024

/**
 * llama.cpp's options for a request. `generated` is the growing list of the answer's tokens, which
 * penalties look at. Throws `JobFault` for a schema that cannot be enforced.
 */
export async function evaluateOptions(
  { sampling, shape }: GenerateRequest,
  generated: readonly Token[],
  { llama, model }: { readonly llama: Llama; readonly model: LlamaModel },
): Promise<SequenceEvaluateOptions> {
  const { frequencyPenalty, presencePenalty, logitBias, ...basic } = sampling
  const options: SequenceEvaluateOptions = basic
  if (frequencyPenalty !== 0 || presencePenalty !== 0) {
    options.repeatPenalty = {
      punishTokens: () => generated.slice(-PENALTY_TOKENS),
      maxPunishTokens: PENALTY_TOKENS,
      penalty: 1,
      frequencyPenalty,
      presencePenalty,
    }
  }
  if (logitBias.length > 0) {
    const bias = TokenBias.for(model)
    for (const [id, logit] of logitBias) bias.set(id as Token, { logit })
    options.tokenBias = bias
  }
  const grammar = await grammarFor(llama, shape)
  if (grammar !== undefined) {
    options.grammarEvaluationState = new LlamaGrammarEvaluationState({
      model,
      grammar,
    })
  }
  return options
}

async function grammarFor(llama: Llama, shape: OutputShape): Promise<LlamaGrammar | undefined> {
  if (shape.type === 'text') return undefined
  if (shape.type === 'json') return llama.getGrammarFor('json')
  try {
    return await llama.createGrammarForJsonSchema(enforceableSchema(shape.schema) as JsonSchema)
  } catch (error) {
    const reason = errorMessage(error)
    const message = `This JSON schema cannot be enforced here: ${reason}`
    const param = 'response_format.json_schema.schema'
    throw new JobFault(requestFault('unsupported_schema', message, { param }))
  }
}
