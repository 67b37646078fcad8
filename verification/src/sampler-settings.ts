/** How an answer's tokens were to be drawn: what the request said, with the engine's defaults filled in. */
export interface SamplerSettings {
  /** 0 takes the likeliest token. */
  readonly temperature: number
  /** 0 keeps all. */
  readonly topK: number
  /** 1 keeps all. */
  readonly topP: number
  /** 0 keeps all. */
  readonly minP: number
  /** Non-negative, below 2^63. */
  readonly seed: bigint
}
