import type { RenderedAnswer, RenderRequest, ScoreRequest } from '@infernet/schemas/audit-wire'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Position } from '@infernet/schemas/transcript'
import { ScoreAskError } from '../audit/score-asks.ts'
import type { Verifier } from '../audit/verifiers.ts'

export type ScoreAsk = Omit<ScoreRequest, 'id'>
export type Score = (ask: ScoreAsk) => Promise<readonly Position[]> | readonly Position[]

/** A verifier without a connection, which scores as it is told and cannot render. */
export class FakeVerifier implements Verifier {
  readonly peer: PeerId
  readonly scoring = 0
  readonly asks: ScoreAsk[] = []
  readonly renderings: Omit<RenderRequest, 'id'>[] = []
  readonly #score: Score

  constructor(name: string, score: Score) {
    this.peer = name as PeerId
    this.#score = score
  }

  async score(ask: ScoreAsk): Promise<readonly Position[]> {
    this.asks.push(ask)
    return this.#score(ask)
  }

  async render(ask: Omit<RenderRequest, 'id'>): Promise<RenderedAnswer> {
    this.renderings.push(ask)
    throw new ScoreAskError('it cannot render')
  }
}
