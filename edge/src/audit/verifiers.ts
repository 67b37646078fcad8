import type { RenderedAnswer, RenderRequest, ScoreRequest } from '@infernet/schemas/audit-wire'
import type { LeaseId } from '@infernet/schemas/ids'
import { specIdOf } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Position } from '@infernet/schemas/transcript'
import type { ModelOffer } from '@infernet/schemas/wire'
import type { EdgeEvents } from '../events.ts'
import { MAX_PROMPT_ASKS, OUTSIDE_WAIT_MS } from './audit-limits.ts'
import { ScoreAskError } from './score-asks.ts'
import { verifierFor, type AbleVerifier } from './verifier-choice.ts'

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

/** An answer that a verifier is to look at. */
export interface Look {
  readonly spec: string
  readonly lease: LeaseId
  /** Its client lets anybody verify it. */
  readonly isOpen: boolean
  /** Who has failed it, where one of the operator's own is to confirm that. */
  readonly before?: PeerId | undefined
}

/** Who says it. */
export interface Teller {
  readonly verifier: PeerId
  /** One of the operator's. */
  readonly isOwn: boolean
}

export interface VerifierScores extends Teller {
  readonly positions: readonly Position[]
}

export interface VerifierRendering extends Teller, RenderedAnswer {}

/** An outside verifier says of an answer what one of the operator's own says is not so. */
export interface Contradiction extends Pick<Look, 'spec' | 'lease'> {
  readonly outside: PeerId
  readonly own: PeerId
  readonly reason: string
}

export interface VerifiersOptions {
  /** Whether a peer is one of the operator's verifiers; any other is an outside one. */
  readonly isOwn: (peer: PeerId) => boolean
  /** A number in [0, 1) that nobody can foresee, always the same one for a name. */
  readonly draw: (name: string) => number
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  readonly events: Pick<EdgeEvents, 'verifierAsked'>
}

/** An ask to render has one id at least. This one every vocabulary has; what it says nobody reads. */
const NO_ANSWER: readonly number[] = [0]

/** One that runs a spec, with its own name for it. */
interface Able extends AbleVerifier {
  readonly verifier: Verifier
  readonly model: string
  readonly offer: ModelOffer
}

/** The verifiers that are here, by the specs they run: the operator's own, and outside ones that help them. */
export abstract class Verifiers {
  readonly #options: VerifiersOptions
  readonly #models = new Map<Verifier, ReadonlyMap<string, ModelOffer>>()

  constructor(options: VerifiersOptions) {
    this.#options = options
  }

  /** The own verifier's word stands. */
  abstract contradicted(contradiction: Contradiction): void

  /** What a verifier runs now; nothing when it has left. */
  update(verifier: Verifier, models: readonly ModelOffer[]): void {
    const named = models.flatMap((offer) =>
      offer.spec === undefined ? [] : [[specIdOf(offer.spec), offer] as const],
    )
    if (named.length === 0) this.#models.delete(verifier)
    else this.#models.set(verifier, new Map(named))
  }

  /** The latest connection of a peer that runs something. */
  protected hereAs(peer: PeerId): Verifier | undefined {
    return [...this.#models.keys()].findLast((verifier) => verifier.peer === peer)
  }

  /** A verifier's own name for what it runs of that spec. */
  protected modelOf(verifier: Verifier, spec: string): string | undefined {
    return this.#models.get(verifier)?.get(spec)?.id
  }

  /** Whether one of the operator's own could score an answer of that spec: outside ones decide nothing alone. */
  has(spec: string): boolean {
    return this.#ableTo(spec).some(({ isOwn }) => isOwn)
  }

  /**
   * Bytes of weights that each token of that spec reads at the least; undefined where no own verifier knows. A provider
   * is not asked: it could say that it reads next to nothing.
   */
  tokenBytesOf(spec: string): number | undefined {
    const own = this.#ableTo(spec).filter(({ isOwn }) => isOwn)
    const known = own.flatMap(({ offer }) => offer.token_bytes ?? [])
    return known.length === 0 ? undefined : Math.min(...known)
  }

  /**
   * The prompt of a request in ids, by an own verifier of that spec that has little else to do; undefined when none
   * has: answers that are audited go first. Rejects with {@link ScoreAskError}.
   */
  promptOf(
    spec: string,
    ask: Omit<RenderRequest, 'id' | 'model' | 'output'>,
  ): Promise<readonly number[]> | undefined {
    const spare = this.#ableTo(spec).filter(
      ({ isOwn, scoring }) => isOwn && scoring < MAX_PROMPT_ASKS,
    )
    const [idlest] = spare.toSorted((a, b) => a.scoring - b.scoring)
    if (idlest === undefined) return undefined
    const { verifier, model } = idlest
    return verifier.render({ model, ...ask, output: NO_ANSWER }).then(({ prompt }) => prompt)
  }

  /** Has an answer scored by whoever `verifierFor` says. Rejects with {@link ScoreAskError}. */
  async score(
    look: Look,
    answer: { readonly prompt: readonly number[]; readonly output: readonly number[] },
  ): Promise<VerifierScores> {
    return this.#told(look, async ({ verifier, model }) => ({
      positions: await verifier.score({ model, ...answer }),
    }))
  }

  /**
   * Has a request rendered, and the ids of its answer, by whoever `verifierFor` says. `body` is what the provider was
   * given. Rejects with {@link ScoreAskError}.
   */
  async render(look: Look, ask: Omit<RenderRequest, 'id' | 'model'>): Promise<VerifierRendering> {
    return this.#told(look, ({ verifier, model }) => verifier.render({ model, ...ask }))
  }

  /** One of the operator's own takes over where an outside one has no answer, or none in time. */
  async #told<Told extends object>(
    look: Look,
    ask: (able: Able) => Promise<Told>,
  ): Promise<Told & Teller> {
    const asked = async (able: Able): Promise<Told & Teller> => {
      this.#options.events.verifierAsked(able.isOwn ? 'own' : 'outside')
      return { ...(await ask(able)), verifier: able.peer, isOwn: able.isOwn }
    }
    const first = this.#choose(look)
    if (first.isOwn) return asked(first)
    try {
      return await this.#inTime(asked(first))
    } catch (error) {
      if (!(error instanceof ScoreAskError)) throw error
      return asked(this.#choose({ ...look, isOpen: false }))
    }
  }

  /** Throws {@link ScoreAskError}. */
  #choose({ spec, lease, isOpen, before }: Look): Able {
    const drawn = this.#options.draw(`verifier of ${lease}`)
    const chosen = verifierFor(this.#ableTo(spec), { isOpen, drawn, before })
    if (chosen === undefined) throw new ScoreAskError('no verifier is here')
    return chosen
  }

  #ableTo(spec: string): Able[] {
    return [...this.#models].flatMap(([verifier, models]) => {
      const offer = models.get(spec)
      if (offer === undefined) return []
      const { peer, scoring } = verifier
      const isOwn = this.#options.isOwn(peer)
      return [{ verifier, offer, model: offer.id, peer, scoring, isOwn }]
    })
  }

  #inTime<T>(told: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>()
    this.#options.later(
      () => late.reject(new ScoreAskError('the outside verifier took too long')),
      OUTSIDE_WAIT_MS,
    )
    return Promise.race([told, late.promise])
  }
}
