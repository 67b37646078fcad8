import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import type { Memory, ModelFacts } from '../engines/managed/memory-fit.ts'

/** A model that a server lists. */
export interface ServedModel {
  readonly name: string
  /** Of its weights, where the server tells. */
  readonly bytes?: number
}

/** A server of models that runs on this machine. */
export interface FoundServer {
  /** Of its program, for the owner. */
  readonly name: string
  readonly url: string
  readonly kind: EngineKind
  /** It has all that it lists in memory; others load what is asked for. */
  readonly isLoaded: boolean
  readonly models: readonly ServedModel[]
  /** What it computes on, where that is sure: then its answers can be audited. */
  readonly backend?: string
}

/** A GGUF file on this machine. */
export interface FoundFile {
  /** What clients would know it by. */
  readonly id: string
  readonly path: string
  readonly facts: ModelFacts
}

/** What could run a file here. */
export interface Runner {
  readonly engine: 'llama-server' | 'llama-cpp'
  /** Of llama-server. */
  readonly program?: string
  /** That is free for it. */
  readonly memory: Memory
  /** It computes on a GPU. */
  readonly isFast: boolean
}

/** All that was found out about this machine. */
export interface Found {
  readonly servers: readonly FoundServer[]
  readonly files: readonly FoundFile[]
  /** The best first. */
  readonly runners: readonly Runner[]
  /** llama.cpp is inside the agent, and runs the demo model. */
  readonly hasLlamaCpp: boolean
  /** Bytes that a server's models may take, where it loads what is asked for. */
  readonly memoryBytes: number
}
