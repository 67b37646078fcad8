import type { PeerId } from '@infernet/schemas/peer-id'
import type { GivenRequest } from '@infernet/verification/canary/canary-target'
import { forgetOldest } from '../hub/oldest-first.ts'
import { MAX_FOLLOWED_MODELS, MAX_RECENT_REQUESTS } from './canary-limits.ts'

/** Who was given the latest requests of each model, and when. */
export class RecentRequests {
  /** Models whose latest request is older come first. */
  readonly #byModel = new Map<string, GivenRequest<PeerId>[]>()

  /** Adds a request. Returns those of its model, the latest last. */
  add(model: string, request: GivenRequest<PeerId>): readonly GivenRequest<PeerId>[] {
    const recent = this.#byModel.get(model) ?? []
    recent.push(request)
    if (recent.length > MAX_RECENT_REQUESTS) recent.shift()
    this.#byModel.delete(model)
    this.#byModel.set(model, recent)
    forgetOldest(this.#byModel, MAX_FOLLOWED_MODELS)
    return recent
  }
}
