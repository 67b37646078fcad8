/** A way from the client to the engine that the bench measures. */
export interface Target {
  readonly name: string
  /** Starts every process of the path; rejects with the reason when it cannot. */
  start(engineUrl: string): Promise<RunningTarget>
}

/** A target that answers. */
export interface RunningTarget {
  /** OpenAI base URL, ending in `/v1`. */
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
  readonly model: string
  /** Process ids by role; the role that faces the client is `gateway`. The engine is not among them. */
  readonly pids: Readonly<Record<string, number>>
  stop(): Promise<void>
}
