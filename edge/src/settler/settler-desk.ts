import type { SettlerPort } from '../billing/billing-port.ts'
import { SettlerLink, type SettlerSocket } from './settler-link.ts'
import type { SettlerTasks } from './settler-tasks.ts'

/** The settler that is connected, if one is: of several, the one that came last. */
export class SettlerDesk implements SettlerPort {
  readonly #tasks: SettlerTasks
  readonly #onError: (error: unknown) => void
  #link: SettlerLink | undefined

  constructor(tasks: SettlerTasks, onError: (error: unknown) => void) {
    this.#tasks = tasks
    this.#onError = onError
  }

  /** Closes the connection before this one; asks of it that are under way are done. */
  connected(socket: SettlerSocket): SettlerLink {
    this.#link?.replaced()
    this.#link = new SettlerLink(socket, this.#tasks, this.#onError)
    return this.#link
  }

  disconnected(link: SettlerLink): void {
    if (this.#link === link) this.#link = undefined
  }

  /** A settler that is away looks for itself when it comes back. */
  wake(): void {
    this.#link?.wake()
  }
}
