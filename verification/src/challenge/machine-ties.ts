/** What a provider says of its machine, as far as it tells one from another. */
export interface Machine<Id extends string = string> {
  readonly id: Id
  readonly cards: readonly {
    readonly name: string
    /** A hash that is the same under every key; absent where its driver does not name it. */
    readonly hash: string | undefined
    /** It is cut into instances, which may be several machines. */
    readonly isCut: boolean
  }[]
  /** Where its earnings go; empty where it does not say. */
  readonly paidTo: string
}

/** Why two providers may be one machine. */
export type MachineTie = 'card' | 'payout'

/** What two providers have in common that two owners hardly would. */
export function machineTie(one: Machine, other: Machine): MachineTie | undefined {
  const hashes = new Set(one.cards.flatMap(({ hash }) => hash ?? []))
  if (other.cards.some(({ hash }) => hash !== undefined && hashes.has(hash))) return 'card'
  return one.paidTo !== '' && one.paidTo === other.paidTo ? 'payout' : undefined
}

/** Cards that nobody else can have: whole ones that have a name. */
export const wholeCards = ({ cards }: Pick<Machine, 'cards'>): readonly string[] =>
  cards.flatMap(({ hash, isCut }) => (hash === undefined || isCut ? [] : hash))

/** Of those that serve the same, the ones whose first card has the same name: all, where there are none. */
export function likeMachines<M extends Machine>(machine: M, others: readonly M[]): readonly M[] {
  const name = machine.cards[0]?.name
  const alike = others.filter(({ cards }) => cards[0]?.name === name)
  return alike.length > 0 ? alike : others
}
