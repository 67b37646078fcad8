import { evaluateOptions } from '@infernet/provider-agent/engines/llama-cpp/evaluate-options'
import { tokenSteps } from '@infernet/provider-agent/engines/llama-cpp/token-steps'
import type { GenerateRequest } from '@infernet/provider-agent/engines/token-source'
import type { Position } from '@infernet/schemas/transcript'
import { llamaCppSeed } from '@infernet/verification/replay/llama-cpp-seed'
import type { Llama, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp'
import type { Order } from './engine-messages.ts'

/** An answer by llama.cpp's own sampler, with the evidence that our agent reports. */
export async function sampledAnswer(
  llama: Llama,
  model: LlamaModel,
  sequence: LlamaContextSequence,
  { prompt, settings, maxTokens }: Order,
): Promise<readonly Position[]> {
  const request: GenerateRequest = {
    prompt,
    maxTokens,
    sampling: {
      temperature: settings.temperature,
      topK: settings.topK,
      topP: settings.topP,
      minP: settings.minP,
      frequencyPenalty: 0,
      presencePenalty: 0,
      seed: llamaCppSeed(settings.seed),
      logitBias: [],
    },
    shape: { type: 'text' },
    topLogprobs: undefined,
    isTraced: true,
  }
  const options = await evaluateOptions(request, [], { llama, model })
  const positions: Position[] = []
  for await (const step of tokenSteps(sequence, prompt as Token[], request, options)) {
    if (step.position !== undefined) positions.push(step.position)
    if (positions.length >= maxTokens || model.isEogToken(step.token)) break
  }
  return positions
}
