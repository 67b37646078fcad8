import type { PeerId } from '@infernet/schemas/peer-id'
import {
  nextPairEvidence,
  NO_PAIR_EVIDENCE,
  type PairEvidence,
  type Slowed,
} from '@infernet/verification/challenge/pair-evidence'
import { describe, expect, it } from 'vitest'
import { DAY_MS } from '../account/utc-day.ts'
import { AuditKeys } from '../audit/audit-keys.ts'
import { modelOffer } from '../testing/fake-provider.ts'
import { ChallengeBook, pairOf } from './challenge-book.ts'
import { APART_PAUSE_MS, REST_MS, UNCLEAR_PAUSE_MS } from './challenge-limits.ts'
import type { ProviderMachine } from './provider-machine.ts'

const keys = new AuditKeys(new Uint8Array(32).fill(5))
const bookOf = (share: number) => new ChallengeBook({ share, draw: (name) => keys.draw(name) })
const machine = (name: string, changes: Partial<ProviderMachine> = {}): ProviderMachine => ({
  id: name as PeerId,
  cards: [],
  paidTo: '',
  slots: 2,
  inFlight: 0,
  offers: [modelOffer('tiny')],
  trust: () => 0,
  ...changes,
})
const card = (name: string) => ({ cards: [{ name, hash: undefined, isCut: false }] })
const evidenceOf = (blocks: number, slowed: Slowed): PairEvidence => {
  let evidence = NO_PAIR_EVIDENCE
  for (let n = 0; n < blocks; n++) evidence = nextPairEvidence(evidence, slowed)
  return evidence
}
const NOW = 20_000 * DAY_MS
/** When on that day a provider is due, if it is. */
const dueAt = (book: ChallengeBook, one: ProviderMachine, others: readonly ProviderMachine[]) => {
  for (let now = NOW; now < NOW + DAY_MS; now += DAY_MS / 48)
    if (book.partnerOf(one, others, now) !== undefined) return now
  return undefined
}

describe('who is challenged', () => {
  it('is who is paid where another is, at once', () => {
    const [one, other] = ['a', 'b'].map((name) => machine(name, { paidTo: 'me@example.org' }))
    expect(bookOf(0).partnerOf(one!, [machine('c'), other!], NOW)).toBe(other)
  })

  it('is a share of the others a day, once, at a time of its own', () => {
    const book = bookOf(0.2)
    const all = Array.from({ length: 400 }, (_, n) => machine(`peer ${n}`))
    const times = all.flatMap((one) => dueAt(book, one, [all[0]!, all[1]!]) ?? [])
    expect(times.length).toBeGreaterThan(50)
    expect(times.length).toBeLessThan(110)
    expect(new Set(times).size).toBeGreaterThan(20)
    const again = all.filter((one) => dueAt(book, one, [all[0]!, all[1]!]) !== undefined)
    expect(again).toEqual([])
  })

  it('is asked with one that serves the same, on the same card if there is one', () => {
    const book = bookOf(1)
    const others = [
      machine('other model', { offers: [modelOffer('large')], ...card('RTX') }),
      machine('other card', card('H100')),
      machine('same', card('RTX')),
    ]
    const one = machine('a', card('RTX'))
    expect(book.partnerOf(one, others, NOW + DAY_MS - 1)?.id).toBe('same')
    const rest = others.slice(0, 2)
    expect(book.partnerOf(machine('b', card('RTX')), rest, NOW + DAY_MS - 1)?.id).toBe('other card')
    expect(book.partnerOf(machine('c'), rest.slice(0, 1), NOW + DAY_MS - 1)).toBe(undefined)
  })

  it('is left alone for a time that hangs on what was found', () => {
    const [one, other] = ['a', 'b'].map((name) => machine(name, { paidTo: 'me@example.org' }))
    const isDue = (book: ChallengeBook, now: number) =>
      book.partnerOf(one!, [other!], now) !== undefined
    const pair = pairOf(other!.id, one!.id)
    for (const [slowed, result, pause] of [
      [[true, true], 'shared', REST_MS],
      [[false, true], 'second_yields', REST_MS],
      [[false, false], 'apart', APART_PAUSE_MS],
    ] as const) {
      const book = bookOf(0)
      expect(book.record(pair, evidenceOf(12, slowed), NOW)).toBe(result)
      expect(isDue(book, NOW + pause - 1)).toBe(false)
      expect(isDue(book, NOW + pause)).toBe(true)
      expect(book.evidenceOf(pair)).toEqual(NO_PAIR_EVIDENCE)
    }
    const book = bookOf(0)
    expect(book.record(pair, evidenceOf(3, [true, true]), NOW)).toBe('unclear')
    expect(isDue(book, NOW + UNCLEAR_PAUSE_MS - 1)).toBe(false)
    expect(isDue(book, NOW + UNCLEAR_PAUSE_MS)).toBe(true)
    expect(book.evidenceOf(pair).blocks).toBe(3)
  })

  it('is who looked like one machine with another, until it does not', () => {
    const [one, other] = [machine('a'), machine('b')]
    const pair = pairOf(one.id, other.id)
    const book = bookOf(0)
    expect(book.partnerOf(one, [other], NOW)).toBe(undefined)
    book.record(pair, evidenceOf(2, [true, true]), NOW)
    expect(book.partnerOf(one, [other], NOW + UNCLEAR_PAUSE_MS)).toBe(other)
    book.record(pair, evidenceOf(12, [true, true]), NOW)
    expect(book.partnerOf(one, [other], NOW + REST_MS)).toBe(other)
    book.record(pair, evidenceOf(12, [false, false]), NOW)
    expect(book.partnerOf(one, [other], NOW + APART_PAUSE_MS)).toBe(undefined)
  })
})
