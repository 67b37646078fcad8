import type { ModelFile } from '../model-file.ts'
import type { EngineSandboxOptions } from '../../sandbox/engine-sandbox.ts'
import type { OfferOverrides } from '../offer-overrides.ts'
import type { SpecWords } from '../spec-words.ts'
import type { ManagedKind } from './engine-command.ts'

/** What the owner says of servers that the agent starts. */
export interface ManagedOptions {
  readonly kind: ManagedKind
  /** The server's program; else it is looked for on the PATH. */
  readonly program?: string | undefined
  readonly models: readonly ModelFile[]
  readonly slots: number
  /** Tokens of each slot. */
  readonly context?: number | undefined
  readonly threads?: number | undefined
  readonly gpu: boolean
  /** Share of each GPU that vLLM may take. */
  readonly gpuShare?: number | undefined
  /** More arguments for the server. */
  readonly extra: readonly string[]
  readonly checksMemory: boolean
  readonly overrides?: OfferOverrides
  readonly spec?: SpecWords
  /** Else it runs with the agent's own rights. */
  readonly sandbox?: EngineSandboxOptions
}
