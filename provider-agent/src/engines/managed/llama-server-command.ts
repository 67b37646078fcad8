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
  ...['-m', '--model'].map((name) => [name, 'say --model NAME=FILE'] as const),
  ...['-a', '--alias'].map((name) => [name, 'say --model NAME=FILE'] as const),
  ...['-c', '--ctx-size'].map((name) => [name, 'say --context'] as const),
  ...['-np', '--parallel'].map((name) => [name, 'say --slots'] as const),
  ...['-t', '--threads'].map((name) => [name, 'say --threads'] as const),
  ...['--host', '--port'].map((name) => [name, HIDDEN] as const),
  ...['--api-key', '--api-key-file'].map((name) => [name, HIDDEN] as const),
  ['--api-prefix', HIDDEN],
])

/**
 * llama-server for one model. The key goes by the environment, for everybody can read a command
 * line. Throws `EngineStartError` for arguments that are the agent's.
 */
export function llamaServerCommand(plan: ServePlan): EngineCommand {
  const { id, path, socket, slots, context, threads, gpu, promptCacheMib, extra } = plan
  checkExtra(extra, OWN)
  const args = ['--model', path, '--alias', id, '--host', socket, '--no-ui', '--jinja']
  // It tells how full it is.
  args.push('--metrics', '--parallel', String(slots))
  // Shared out among the slots.
  if (context !== undefined) args.push('--ctx-size', String(context * slots))
  if (threads !== undefined) args.push('--threads', String(threads))
  // Between two batches it says that it lives: 2,048 tokens take a slow processor minutes.
  if (!gpu) args.push('--device', 'none', '--batch-size', '512')
  if (promptCacheMib !== undefined) args.push('--cache-ram', String(promptCacheMib))
  return {
    file: plan.program,
    args: [...args, ...extra],
    env: { ...engineEnv(plan.env), LLAMA_API_KEY: plan.key },
  }
}

/** Types of keys and values in the cache, as the owner's arguments have them. */
export const llamaKvTypes = (extra: readonly string[]): { key: string; value: string } => ({
  key: argOf(extra, ['-ctk', '--cache-type-k']) ?? 'f16',
  value: argOf(extra, ['-ctv', '--cache-type-v']) ?? 'f16',
})
