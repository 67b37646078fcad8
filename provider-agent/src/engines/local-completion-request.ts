import { ApiError } from '@infernet/openai-compat/api-error'
import {
  parseCompletionRequest,
  type CompletionRequest,
} from '@infernet/openai-compat/completion-request'
import { JobFault, requestFault, type EngineRequest } from './engine.ts'
import { isReplayable } from './local-evidence.ts'
import {
  refuseParameter,
  requestFaultOf,
  type LocalModel,
  type LocalRequest,
} from './local-request.ts'
import { openEnded, samplingOf, stopsOf } from './local-sampling.ts'
import type { Prompt } from './token-source.ts'

/**
 * Reads the body of a completion for a local model: one prompt, taken as it is. Throws
 * {@link JobFault} for what the body gets wrong and for what this model cannot do.
 */
export function readLocalCompletion(request: EngineRequest, model: LocalModel): LocalRequest {
  const { body, n, maxOutputTokens } = parse(request.body)
  if (n > 1) refuseParameter(model, n === body.n ? 'n' : 'prompt', 'more than one choice')
  if (body.echo === true) refuseParameter(model, 'echo', "'echo'")
  if (body.suffix) refuseParameter(model, 'suffix', "'suffix'")
  const withLogprobs = typeof body.logprobs === 'number'
  if (withLogprobs && !model.capabilities.includes('logprobs')) {
    refuseParameter(model, 'logprobs', 'logprobs')
  }
  const [only] = promptsOf(body.prompt, model)
  const prompt = only ?? ''
  const sampling = samplingOf(body, request.seed)
  const shape = { type: 'text' } as const
  const open = request.continues && typeof prompt === 'string' ? openEnded(prompt) : { prompt }
  return {
    generate: {
      prompt: open.prompt,
      maxTokens: Math.min(maxOutputTokens, request.max_output_tokens),
      sampling,
      shape,
      isTraced: isReplayable(model, sampling, shape),
      topLogprobs: withLogprobs ? (body.logprobs ?? 0) : undefined,
    },
    known: 'known' in open ? open.known : '',
    stops: stopsOf(body),
    parseTools: false,
    prefill: '',
  }
}

function parse(body: Uint8Array): CompletionRequest {
  try {
    return parseCompletionRequest(body)
  } catch (error) {
    throw error instanceof ApiError ? requestFaultOf(error) : error
  }
}

/**
 * Each text or list of ids in a `prompt` or `input`, in order. Throws {@link JobFault} for ids that
 * the model does not have: llama.cpp would abort on them.
 */
export function promptsOf(
  value: string | readonly (string | number | readonly number[])[],
  model: LocalModel,
): Prompt[] {
  if (typeof value === 'string') return [value]
  const ids = value.filter((item) => typeof item === 'number')
  const prompts = ids.length > 0 ? [ids] : value.filter((item) => typeof item !== 'number')
  const tooHigh = prompts
    .flatMap((prompt) => (typeof prompt === 'string' ? [] : prompt))
    .find((id) => id >= model.vocabSize)
  if (tooHigh === undefined) return prompts
  const message = `Token ${tooHigh} is not in the vocabulary of '${model.id}', which has ${model.vocabSize}.`
  throw new JobFault(requestFault('invalid_value', message, { param: 'prompt' }))
}
