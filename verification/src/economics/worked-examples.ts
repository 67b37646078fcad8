import {
  auditCostShare,
  gainBeforeDetectionMsat,
  jobPriceMsat,
  requiredSecurityMsat,
  type Price,
} from './economics.ts'

/** A model sold at a usual price and answered with something cheaper. */
export interface WorkedExample extends Price {
  readonly name: string
  /** Of the price, what the cheat saves. */
  readonly savedShare: number
  readonly auditRate: number
  /** Audited cheated jobs to detection: the surest case and a cautious one. */
  readonly jobsToDetect: readonly [number, number]
}

/** At 100,000 USD for a bitcoin, and answers of 500 tokens. */
const USUAL = { usdPerSat: 0.001, tokensPerJob: 500 }
/** Half the bytes to read for a token are half the time. */
const Q4_SAVES = 0.5
/** An eighth of the parameters, and a little for running anything at all. */
const SMALL_MODEL_SAVES = 0.85

export const WORKED_EXAMPLES: readonly WorkedExample[] = [
  {
    ...USUAL,
    name: '8B at $0.10/M, answered by its q4',
    usdPerMillionTokens: 0.1,
    savedShare: Q4_SAVES,
    auditRate: 0.02,
    jobsToDetect: [1, 3],
  },
  {
    ...USUAL,
    name: '70B at $0.60/M, answered by an 8B',
    usdPerMillionTokens: 0.6,
    savedShare: SMALL_MODEL_SAVES,
    auditRate: 0.02,
    jobsToDetect: [1, 3],
  },
  {
    ...USUAL,
    name: '70B at $0.60/M, answered by an 8B',
    usdPerMillionTokens: 0.6,
    savedShare: SMALL_MODEL_SAVES,
    auditRate: 0.01,
    jobsToDetect: [1, 3],
  },
]

/** Re-scoring an answer beside generating it: on a GPU with batches, and on a small one. */
const SCORE_COSTS = [0.01, 0.1] as const

export interface Worked {
  readonly priceMsat: number
  readonly gainMsat: number
  /** Before it is found out, sat, from the surest case to the cautious one. */
  readonly gainedSat: readonly [number, number]
  /** Bond and holdback for the cautious case, sat; nothing in flight. */
  readonly securitySat: number
  readonly auditCost: readonly [number, number]
}

export function workOut(example: WorkedExample): Worked {
  const { auditRate, savedShare } = example
  const priceMsat = jobPriceMsat(example)
  const gainMsat = priceMsat * savedShare
  const [least, most] = example.jobsToDetect
  const sure = { gainMsat, jobsToDetect: least, auditRate }
  const cautious = { gainMsat, jobsToDetect: most, auditRate }
  return {
    priceMsat,
    gainMsat,
    gainedSat: [gainBeforeDetectionMsat(sure) / 1000, gainBeforeDetectionMsat(cautious) / 1000],
    securitySat: requiredSecurityMsat(cautious, 0) / 1000,
    auditCost: [
      auditCostShare(auditRate, SCORE_COSTS[0]),
      auditCostShare(auditRate, SCORE_COSTS[1]),
    ],
  }
}
