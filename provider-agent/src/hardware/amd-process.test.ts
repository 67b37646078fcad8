import { afterEach, expect, it, vi } from 'vitest'
import { startAmdProcess, type AmdAnswer } from './amd-process.ts'
import { CARD, fakeCards, HANGS } from './testing/fake-cards.ts'

afterEach(() => vi.unstubAllEnvs())

/** A process that reads these cards, and what it says. */
function start(cards: Parameters<typeof fakeCards>[0]) {
  for (const [name, value] of Object.entries(fakeCards(cards))) vi.stubEnv(name, value)
  const answers: AmdAnswer[] = []
  const reader = startAmdProcess(Object.keys(cards), (answer) => answers.push(answer))
  return { answers, ...reader }
}

it('says how each card is, and ends', async () => {
  const { answers, ended } = start({ card0: CARD, card1: { ...CARD, unique_id: 'a1' } })
  await ended
  const card = { temperatureC: 61, usedMib: 1_024, totalMib: 24_576, busyPercent: 3 }
  expect(answers.toSorted((a, b) => a.card.localeCompare(b.card))).toMatchObject([
    { card: 'card0', reading: card },
    { card: 'card1', reading: { ...card, serial: 'a1' } },
  ])
})

it('says how others are while some hang, and is gone when it is abandoned', async () => {
  const hung: typeof CARD = { ...CARD, mem_info_vram_used: HANGS }
  const all = { card0: hung, card1: hung, card2: hung, card3: hung, card4: CARD }
  const { answers, ended, abandon } = start(all)
  await expect.poll(() => answers.map(({ card }) => card), { timeout: 30_000 }).toEqual(['card4'])
  abandon()
  await ended
})

it('ends without a program to run', async () => {
  vi.stubEnv('NODE_OPTIONS', '--no-such-option')
  const { answers, ended } = start({})
  await ended
  expect(answers).toEqual([])
})
