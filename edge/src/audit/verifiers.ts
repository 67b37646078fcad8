import type { RenderedAnswer, RenderRequest, ScoreRequest } from '@infernet/schemas/audit-wire'
import { specIdOf } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Position } from '@infernet/schemas/transcript'
import type { ModelOffer } from '@infernet/schemas/wire'
import { ScoreAskError } from './score-asks.ts'

/** A verifier that is connected. */
export interface Verifier {
  readonly peer: PeerId
  /** Asks that it has not answered yet. */
  readonly scoring: number
  /** Rejects with {@link ScoreAskError}. */
  score(ask: Omit<ScoreRequest, 'id'>): Promise<readonly Position[]>
  /** Rejects with {@link ScoreAskError}. */
  render(ask: Omit<RenderRequest, 'id'>): Promise<RenderedAnswer>
}

export interface VerifierScores {
  readonly verifier: PeerId
  readonly positions: readonly Position[]
}

export interface VerifierRendering extends RenderedAnswer {
  readonly verifier: PeerId
}

/** The verifiers that are here, by the specs they run. */
export class Verifiers {
  readonly #models = new Map<Verifier, ReadonlyMap<string, string>>()

  /** What a verifier runs now; nothing when it has left. */
  update(verifier: Verifier, models: readonly ModelOffer[]): void {
    const named = models.flatMap(({ id, spec }) =>
      spec === undefined ? [] : [[specIdOf(spec), id] as const],
    )
    if (named.length === 0) this.#models.delete(verifier)
    else this.#models.set(verifier, new Map(named))
  }

  /** Whether anybody could score an answer of that spec. */
  has(spec: string): boolean {
    return [...this.#models.values()].some((models) => models.has(spec))
  }

  /**
   * Has an answer scored by whoever has least to do; by `before` again only where there is no other. Rejects
   * with {@link ScoreAskError}.
   */
  async score(
    spec: string,
    answer: { readonly prompt: readonly number[]; readonly output: readonly number[] },
    before?: PeerId,
  ): Promise<VerifierScores> {
    const { verifier, model } = this.#best(spec, before)
    return { verifier: verifier.peer, positions: await verifier.score({ model, ...answer }) }
  }

  /**
   * Has a request rendered, and the ids of its answer, by whoever has least to do; by `before` again only where there
   * is no other. `body` is what the provider was given. Rejects with {@link ScoreAskError}.
   */
  async render(
    spec: string,
    ask: Omit<RenderRequest, 'id' | 'model'>,
    before?: PeerId,
  ): Promise<VerifierRendering> {
    const { verifier, model } = this.#best(spec, before)
    return { verifier: verifier.peer, ...(await verifier.render({ model, ...ask })) }
  }

  /** Throws {@link ScoreAskError}. */
  #best(spec: string, before?: PeerId): { readonly verifier: Verifier; readonly model: string } {
    const able = [...this.#models].filter(([, models]) => models.has(spec))
    const [best] = able.toSorted(
      ([a], [b]) => Number(a.peer === before) - Number(b.peer === before) || a.scoring - b.scoring,
    )
    const model = best?.[1].get(spec)
    if (best === undefined || model === undefined) throw new ScoreAskError('no verifier is here')
    return { verifier: best[0], model }
  }
}
