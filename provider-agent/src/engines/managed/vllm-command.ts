import { EngineStartError } from '../engine.ts'
import {
  argOf,
  checkExtra,
  engineEnv,
  HIDDEN,
  type EngineCommand,
  type ServePlan,
} from './engine-command.ts'

/** What the agent sets, and how its owner says it. */
const OWN: ReadonlyMap<string, string> = new Map([
  ['--model', 'say --model NAME=FOLDER'],
  ['--served-model-name', 'say --model NAME=FOLDER'],
  ['--max-model-len', 'say --context'],
  ['--max-num-seqs', 'say --slots'],
  ['--gpu-memory-utilization', 'say --gpu-memory-utilization to the agent'],
  ...['--host', '--port', '--uds', '--api-key', '--root-path'].map(
    (name) => [name, HIDDEN] as const,
  ),
])

/** vLLM takes `_` for `-` in the names of its arguments. */
const withDashes = (arg: string): string => {
  const [name = '', ...value] = arg.split('=')
  return arg.startsWith('--') ? [name.replaceAll('_', '-'), ...value].join('=') : arg
}

/**
 * `vllm serve` for one model. The key goes by the environment, for everybody can read a command
 * line. Throws `EngineStartError` for what vLLM has no setting for, and for arguments that are the agent's.
 */
export function vllmCommand(plan: ServePlan): EngineCommand {
  const { id, path, socket, slots, context, threads, gpu, gpuShare, extra } = plan
  checkExtra(extra.map(withDashes), OWN)
  if (threads !== undefined || !gpu) {
    const flag = gpu ? '--threads' : '--no-gpu'
    throw new EngineStartError(`${flag} is nothing to vLLM: what it computes on is its build's`)
  }
  const args = ['serve', path, '--served-model-name', id, '--uds', socket]
  args.push('--max-num-seqs', String(slots))
  if (context !== undefined) args.push('--max-model-len', String(context))
  if (gpuShare !== undefined) args.push('--gpu-memory-utilization', String(gpuShare))
  return {
    file: plan.program,
    args: [...args, ...extra],
    env: { ...engineEnv(plan.env), VLLM_API_KEY: plan.key },
  }
}

/** Type of the cache, as the owner's arguments have it. */
export const vllmKvType = (extra: readonly string[]): string =>
  argOf(extra.map(withDashes), ['--kv-cache-dtype']) ?? 'auto'

/** GPUs that one copy of the model is spread over. */
export function vllmGpus(extra: readonly string[]): number {
  const args = extra.map(withDashes)
  const tensor = Number(argOf(args, ['-tp', '--tensor-parallel-size']) ?? 1)
  const pipeline = Number(argOf(args, ['-pp', '--pipeline-parallel-size']) ?? 1)
  return Math.max(1, tensor * pipeline || 1)
}
