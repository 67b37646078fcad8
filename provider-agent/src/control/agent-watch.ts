import type { Clock } from '../clock.ts'
import type { AgentEvent } from '../events.ts'
import { after, startedState, type AgentState } from './agent-state.ts'
import { EventTail } from './event-tail.ts'

/** Sees all events of the running agent, for those who ask for them later and those who follow them. */
export class AgentWatch {
  readonly #tail = new EventTail()
  readonly #followers = new Set<(line: string) => void>()
  readonly #lineOf: (event: AgentEvent, at: number) => string
  readonly #monotonic: Clock['monotonic']
  #state: AgentState

  /** `lineOf` writes an event as a line of JSON. */
  constructor(lineOf: (event: AgentEvent, at: number) => string, monotonic: Clock['monotonic']) {
    this.#lineOf = lineOf
    this.#monotonic = monotonic
    this.#state = startedState(monotonic())
  }

  get state(): AgentState {
    return this.#state
  }

  /** An event has happened just now, `at` in ms since the epoch; returns its line. */
  readonly take = (event: AgentEvent, at: number): string => {
    this.#state = after(this.#state, event, this.#monotonic())
    const line = this.#lineOf(event, at)
    this.#tail.push(line)
    for (const follower of this.#followers) follower(line)
    return line
  }

  /** The latest `n` lines, the oldest of them first. */
  last(n: number): readonly string[] {
    return this.#tail.last(n)
  }

  get followers(): number {
    return this.#followers.size
  }

  /** Calls `follower` with every line from now on; returns how to stop that. */
  follow(follower: (line: string) => void): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }
}
