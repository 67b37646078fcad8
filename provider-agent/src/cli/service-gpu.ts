import { connectEngine } from '../engines/openai-http/engine-connection.ts'
import { engineKind } from './engine-options.ts'
import { roomLimitsOf } from './owner-options.ts'
import type { RunFlags } from './run-command.ts'

/**
 * Whether an agent with these options has something to do with the GPUs of its machine: it computes on them, watches
 * them, or tells the edge which of them its server answers with.
 */
export function usesGpu(run: RunFlags): boolean {
  const kind = engineKind(run)
  if (kind === 'llama-cpp' && run.gpu) return true
  return roomLimitsOf(run) !== undefined || (kind === 'openai-http' && isTold(run))
}

const isTold = ({ engineUrl = '', hardware }: RunFlags): boolean =>
  hardware && connectEngine(engineUrl, undefined).isLocal
