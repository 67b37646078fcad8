import type { JobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Endpoint } from '@infernet/schemas/wire'

/** A request whose client has agreed that others verify it; see `opted-in.ts` in verification. */
export interface CanaryPrompt {
  /** The job that it was. */
  readonly job: JobId
  readonly endpoint: Endpoint
  readonly model: string
  /** JSON text. */
  readonly body: string
  /** Who has answered it. */
  readonly provider: PeerId
  /** ms since the epoch. */
  readonly at: number
}

export interface CanaryClaim {
  readonly model: string
  /** Who is asked. */
  readonly provider: PeerId
  /** The job that it is asked by. */
  readonly canary: JobId
  /** ms since the epoch. */
  readonly now: number
}

export interface CanaryStore {
  /**
   * Takes a request up, once, unless an equal one is there. It goes for the oldest unused one of its model
   * where there are `MAX_UNUSED_PROMPTS`, and those that are older than `PROMPT_LIFETIME_MS` go too.
   */
  add(prompt: CanaryPrompt): Promise<void>
  /** The latest request for that provider. It is nobody's afterwards, however many ask at the same time. */
  claim(claim: CanaryClaim): Promise<CanaryPrompt | undefined>
}
