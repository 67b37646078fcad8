import { EngineStartError } from '../engine.ts'

export const MANAGED_KINDS = ['llama-server', 'vllm'] as const
/** A server that the agent starts itself. */
export type ManagedKind = (typeof MANAGED_KINDS)[number]

/** A command line. */
export interface EngineCommand {
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** What an engine needs to reach, whatever it is confined to. */
export interface EngineNeeds {
  /** A GGUF file, or a folder for vLLM; absolute. */
  readonly model: string
  /** The folder that this socket is in is its own. */
  readonly socket: string
  readonly gpu: boolean
  /** That the model takes, where we know it. */
  readonly memoryBytes?: number | undefined
}

/** Makes a command line another one that runs it with less rights. */
export type Confine = (command: EngineCommand, needs: EngineNeeds) => EngineCommand

/** One model and how it is to be served. */
export interface ServePlan {
  /** Of the server's program. */
  readonly program: string
  /** What it is called. */
  readonly id: string
  /** A GGUF file, or a folder for vLLM; absolute. */
  readonly path: string
  /** Where it listens. */
  readonly socket: string
  /** What it asks of those who connect. */
  readonly key: string
  /** Answers at once. */
  readonly slots: number
  /** Tokens of each answer with its prompt; undefined leaves it to the server. */
  readonly context?: number | undefined
  readonly threads?: number | undefined
  readonly gpu: boolean
  /** Share of each GPU's memory that vLLM may take. */
  readonly gpuShare?: number | undefined
  /** MiB of RAM that llama-server may keep prompts in. */
  readonly promptCacheMib?: number | undefined
  /** What the owner adds. */
  readonly extra: readonly string[]
  /** The agent's own environment. */
  readonly env: NodeJS.ProcessEnv
}

/** Ours to know: our own options and keys, where systemd puts secrets, and how the agent speaks with it. */
const OURS = /^(INFERNET_.*|CREDENTIALS_DIRECTORY|NOTIFY_SOCKET|WATCHDOG_(PID|USEC))$/

/** The environment of an engine: ours without what is only the agent's to know. */
export const engineEnv = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !OURS.test(name)))

/** Why an owner cannot say where an engine listens, and for whom. */
export const HIDDEN = 'it listens where only the agent finds it'

/** Throws {@link EngineStartError} where the owner adds what the agent sets itself; `own` says what to use. */
export function checkExtra(extra: readonly string[], own: ReadonlyMap<string, string>): void {
  for (const arg of extra) {
    const name = arg.split('=', 1)[0] ?? arg
    const instead = own.get(name)
    if (instead !== undefined) {
      throw new EngineStartError(`--engine-arg=${name} is the agent's to set: ${instead}`)
    }
  }
}

/** The value that follows the last of `names` in arguments, as in `-c 5` or `--ctx=5`. */
export function argOf(args: readonly string[], names: readonly string[]): string | undefined {
  let value: string | undefined
  for (const [i, arg] of args.entries()) {
    const equals = arg.indexOf('=')
    if (names.includes(arg)) value = args[i + 1]
    else if (equals > 0 && names.includes(arg.slice(0, equals))) value = arg.slice(equals + 1)
  }
  return value
}
