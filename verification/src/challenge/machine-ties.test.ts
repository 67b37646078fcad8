import { describe, expect, it } from 'vitest'
import { likeMachines, machineTie, wholeCards, type Machine } from './machine-ties.ts'

const machine = (changes: Partial<Machine> = {}): Machine => ({
  id: 'a',
  cards: [],
  paidTo: '',
  ...changes,
})
const card = (hash: string | undefined, name = 'RTX', isCut = false) => ({ name, hash, isCut })

describe('ties', () => {
  it('are a card or a payout that is the same', () => {
    const one = machine({ cards: [card('a'), card('b')], paidTo: 'me@example.org' })
    expect(machineTie(one, machine({ cards: [card('c'), card('b', 'GTX')] }))).toBe('card')
    expect(machineTie(one, machine({ paidTo: 'me@example.org' }))).toBe('payout')
    expect(machineTie(one, machine({ cards: [card('c')], paidTo: 'you@example.org' }))).toBe(
      undefined,
    )
  })

  it('are nothing that both do not say', () => {
    const silent = machine({ cards: [card(undefined)] })
    expect(machineTie(silent, silent)).toBe(undefined)
  })
})

it('nobody else can have a whole card, and an instance of one anybody', () => {
  const cards = [card('a'), card(undefined), card('b', 'H100', true)]
  expect(wholeCards({ cards })).toEqual(['a'])
})

it('those with the same card are alike, or else all', () => {
  const one = machine({ cards: [card('a', 'RTX')] })
  const [same, other] = [
    machine({ cards: [card('b', 'RTX')] }),
    machine({ cards: [card('c', 'H')] }),
  ]
  expect(likeMachines(one, [same, other])).toEqual([same])
  expect(likeMachines(one, [other])).toEqual([other])
})
