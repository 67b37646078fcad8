import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { JobWatch } from '../hub/job-watch.ts'
import type { ShardAnswer } from '../hub/shard-jobs.ts'
import type { JobOrder } from '../ports.ts'
import { ChallengeDesk, type ChallengeParts } from '../challenge/challenge-desk.ts'
import { CanaryDesk, type CanaryDeskParts } from './canary-desk.ts'
import { Redundancy, type RedundancyParts } from './redundancy.ts'

export type OperatorAsksParts = CanaryDeskParts & ChallengeParts & RedundancyParts

/** All that an operator asks providers, from one account: canaries, challenges, and embeddings a second time. */
export class OperatorAsks implements JobWatch {
  readonly #canaries: CanaryDesk
  readonly #challenges: ChallengeDesk
  readonly #redundancy: Redundancy

  constructor(parts: OperatorAsksParts) {
    this.#canaries = new CanaryDesk(parts)
    this.#challenges = new ChallengeDesk(parts)
    this.#redundancy = new Redundancy(parts)
  }

  leased(order: JobOrder, provider: PeerId): void {
    this.#canaries.leased(order, provider)
    this.#challenges.leased(order, provider)
  }

  ended(order: JobOrder, record: JobRecord): void {
    this.#canaries.ended(order, record)
    this.#challenges.ended(record)
    this.#redundancy.ended(order, record)
  }

  /** Looks at a client's answer on its way: it is what comes back. */
  watched<Answer extends ShardAnswer>(order: JobOrder, answer: Promise<Answer>): Promise<Answer> {
    if (order.rules.endpoint !== 'embeddings') return answer
    return answer.then((given) => {
      this.#redundancy.answered(order, given.kind === 'json' ? given.body : undefined)
      return given
    })
  }

  /** Begins nothing any more. */
  drain(): void {
    this.#canaries.drain()
    this.#challenges.drain()
    this.#redundancy.drain()
  }

  /** Resolves when nothing runs. */
  async close(): Promise<void> {
    await Promise.all(
      [this.#canaries, this.#challenges, this.#redundancy].map((desk) => desk.close()),
    )
  }
}
