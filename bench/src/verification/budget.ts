/** How much is made. */
export interface Budget {
  /** Honest answers, half of them to learn from. */
  readonly honest: number
  /** Of the longest answers. */
  readonly answerTokens: number
  /** Answers of each attack. */
  readonly perAttack: number
  /** Orders in which an attack's answers may come. */
  readonly tries: number
  readonly lifetimes: number
  readonly lifetimeRequests: number
  /** Requests of the traffic that canaries hide in. */
  readonly traffic: number
  /** Days of the simulated market. */
  readonly days: number
}

export const FULL_BUDGET: Budget = {
  honest: 2_000,
  answerTokens: 128,
  perAttack: 80,
  tries: 100,
  lifetimes: 100_000,
  lifetimeRequests: 200,
  traffic: 8_000,
  days: 30,
}
export const QUICK_BUDGET: Budget = {
  honest: 120,
  answerTokens: 128,
  perAttack: 12,
  tries: 30,
  lifetimes: 5_000,
  lifetimeRequests: 200,
  traffic: 4_000,
  days: 30,
}
