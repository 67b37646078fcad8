import { MAX_ANSWER_BYTES } from '@infernet/schemas/limits'
import type { EngineRequest } from '../engine.ts'
import { EngineCall } from './engine-call.ts'
import type { EngineConnection } from './engine-connection.ts'
import type { EvidencePlan, ShowingKind } from './evidence/evidence-plan.ts'
import type { OwnAnswer } from './evidence/find-plan.ts'
import { serverFacts, type ServerFacts } from './evidence/server-facts.ts'

const NO_ANSWER = { evidence: undefined, answer: undefined } as const

/** What the agent asks a server for itself, in the way that jobs are asked. */
export class OwnQuestions {
  readonly #connection: EngineConnection
  readonly #kind: ShowingKind
  readonly #signal: AbortSignal

  constructor(connection: EngineConnection, kind: ShowingKind, signal: AbortSignal) {
    this.#connection = connection
    this.#kind = kind
    this.#signal = signal
  }

  facts(): Promise<ServerFacts | undefined> {
    return serverFacts(this.#connection, this.#kind, this.#signal)
  }

  /** Never rejects. `request.model` is the engine's own name. */
  ask(plan: EvidencePlan, request: EngineRequest): Promise<OwnAnswer> {
    const { promise, resolve } = Promise.withResolvers<OwnAnswer>()
    const parts: Uint8Array[] = []
    let bytes = 0
    const call = new EngineCall({
      connection: this.#connection,
      alias: { id: request.model, engineName: request.model },
      serverKind: this.#kind,
      echoes: false,
      plan,
      probes: true,
      request,
      sink: {
        data: (part) => {
          parts.push(part)
          bytes += part.length
          if (bytes > MAX_ANSWER_BYTES) stop('it does not end')
        },
        finish: () => {
          const answer = Buffer.concat(parts).toString()
          resolve({ evidence: call.evidence(), answer, error: undefined })
        },
        fail: ({ message }) => resolve({ ...NO_ANSWER, error: message }),
      },
      onOver: () => this.#signal.removeEventListener('abort', aborted),
      onUnreachable: () => {},
    })
    const stop = (error: string): void => {
      call.abort()
      resolve({ ...NO_ANSWER, error })
    }
    const aborted = (): void => stop('it was stopped')
    this.#signal.addEventListener('abort', aborted)
    return promise
  }
}
