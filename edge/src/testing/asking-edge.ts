import { newAccountId, type AccountId } from '@infernet/schemas/ids'
import type { Audit } from '../audit/audit-port.ts'
import { OperatorAsks, type OperatorAsksParts } from '../canary/operator-asks.ts'
import { MemoryCanaries } from './memory-canaries.ts'
import { startEdge, type TestEdge } from './test-edge.ts'

/** What the account of canaries begins with, msat. */
export const ASKING_CREDIT_MSAT = 1_000_000

/** A test's edge whose operator asks its providers, and what it has heard. */
export interface AskingEdge {
  readonly edge: TestEdge
  readonly asks: OperatorAsks
  readonly canaries: MemoryCanaries
  readonly account: AccountId
  readonly audits: readonly Audit[]
}

/** Every request brings a canary, and all embeddings are compared, unless `changes` say otherwise. */
export async function startAskingEdge(
  changes: Partial<OperatorAsksParts> = {},
): Promise<AskingEdge> {
  const edge = await startEdge({
    watch: {
      leased: (order, provider) => asks.leased(order, provider),
      ended: (order, record) => asks.ended(order, record),
    },
    watched: (order, answer) => asks.watched(order, answer),
  })
  const { accounts, audit, clock, events, hub, store } = edge
  const account = newAccountId(clock.now())
  store.accounts.set(account, 'canaries')
  await accounts.deposit(account, 'start', ASKING_CREDIT_MSAT)
  const canaries = new MemoryCanaries()
  const audits: Audit[] = []
  const asks = new OperatorAsks({
    account,
    accounts,
    canaries,
    challenges: 0,
    draw: (name) => audit.draw(name),
    events,
    hub,
    machines: () => hub.machines(),
    now: clock.now,
    peersOf: (model, spec) => hub.peersOf(model, spec),
    rateOf: () => 1,
    rest: (rest) => hub.rest(rest),
    record: (found) => void audits.push(found),
    share: 1,
    sleep: (ms) => new Promise((resolve) => clock.later(resolve, ms)),
    specOf: (provider, model) => hub.specOf(provider, model),
    store,
    ...changes,
  })
  return { edge, asks, canaries, account, audits }
}
