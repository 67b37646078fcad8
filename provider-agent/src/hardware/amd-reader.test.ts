import { afterEach, expect, it, vi } from 'vitest'
import type { AmdAnswer } from './amd-process.ts'
import { AmdReader } from './amd-reader.ts'
import type { AmdReading } from './amd-reading.ts'
import { cardHash } from './gpu-facts.ts'
import { COMMAND_TIMEOUT_MS } from './hardware-limits.ts'

afterEach(() => vi.useRealTimers())

const reading = (totalMib: number): AmdReading => ({
  name: 'a card',
  serial: '0xA1',
  isIntegrated: false,
  temperatureC: 50,
  usedMib: 0,
  totalMib,
  powerW: 100,
  busyPercent: 0,
})

interface Started {
  readonly hear: (answer: AmdAnswer) => void
  readonly end: () => void
  isAbandoned: boolean
}

/** Two cards, and processes that say and do what a test has them. */
function makeCards({ cards = ['card0', 'card1'], begun = Promise.resolve() } = {}) {
  vi.useFakeTimers()
  const started: Started[] = []
  const reader = new AmdReader({
    cards: async () => cards,
    start(_cards, hear) {
      const { promise: ended, resolve } = Promise.withResolvers<void>()
      const one = { hear, end: () => resolve(), isAbandoned: false }
      started.push(one)
      return { begun, ended, abandon: () => (one.isAbandoned = true) }
    },
  })
  const last = async () => {
    await vi.advanceTimersByTimeAsync(0)
    return started.at(-1)!
  }
  return { reader, started, last }
}

it('takes what a process says of each card', async () => {
  const { reader, last } = makeCards()
  const looking = reader.look()
  const { hear, end } = await last()
  hear({ card: 'card1', reading: reading(8_192) })
  hear({ card: 'card0', reading: { ...reading(512), serial: undefined } })
  end()
  const serial = '00000000000000a1'
  expect(await looking).toEqual([
    { card: 'card0', serial: undefined, reading: expect.objectContaining({ totalMib: 512 }) },
    { card: 'card1', serial, reading: expect.objectContaining({ idSha256: cardHash(serial) }) },
  ])
  expect(vi.getTimerCount()).toBe(0)
})

it('starts none where there is no card', async () => {
  const { reader, started } = makeCards({ cards: [] })
  expect([await reader.look(), await reader.read(), started]).toEqual([[], [], []])
})

it('reads those that may run a model, and none where one does not answer', async () => {
  const { reader, last } = makeCards()
  const whole = reader.read()
  const first = await last()
  first.hear({ card: 'card0', reading: reading(512) })
  first.hear({ card: 'card1', reading: reading(8_192) })
  first.end()
  expect(await whole).toMatchObject([{ totalMib: 8_192 }])
  const partial = reader.read()
  const second = await last()
  second.hear({ card: 'card1', reading: reading(8_192) })
  second.end()
  expect(await partial).toEqual([])
})

it('waits no longer than for a program, leaves what hangs behind, and starts no second one beside it', async () => {
  const { reader, started, last } = makeCards()
  const looks: unknown[] = []
  void reader.look().then((cards) => looks.push(cards))
  const hanging = await last()
  hanging.hear({ card: 'card1', reading: reading(8_192) })
  await vi.advanceTimersByTimeAsync(COMMAND_TIMEOUT_MS - 1)
  expect([looks, hanging.isAbandoned]).toEqual([[], false])
  await vi.advanceTimersByTimeAsync(1)
  const silent = { reading: undefined }
  expect(looks).toMatchObject([[silent, { reading: { totalMib: 8_192 } }]])
  expect(hanging.isAbandoned).toBe(true)
  expect(await reader.look()).toMatchObject([silent, silent])
  expect(started).toHaveLength(1)
  hanging.end()
  await vi.advanceTimersByTimeAsync(0)
  const again = reader.look()
  ;(await last()).end()
  await again
  expect([started.length, vi.getTimerCount()]).toEqual([2, 0])
})

it('gives a process time to begin, but not for ever', async () => {
  const slow = Promise.withResolvers<void>()
  const { reader, last } = makeCards({ begun: slow.promise })
  const looks: unknown[] = []
  void reader.look().then((cards) => looks.push(cards))
  const first = await last()
  await vi.advanceTimersByTimeAsync(COMMAND_TIMEOUT_MS - 1)
  slow.resolve()
  await vi.advanceTimersByTimeAsync(COMMAND_TIMEOUT_MS - 1)
  expect(looks).toEqual([])
  first.end()
  await vi.advanceTimersByTimeAsync(0)
  expect(looks).toHaveLength(1)
  const never = makeCards({ begun: new Promise(() => {}) })
  const looking = never.reader.look()
  await vi.advanceTimersByTimeAsync(2 * COMMAND_TIMEOUT_MS)
  expect(await looking).toHaveLength(2)
})

it('ends when it is told to', async () => {
  const { reader, started, last } = makeCards()
  const stopping = new AbortController()
  const looking = reader.look(stopping.signal)
  const hanging = await last()
  stopping.abort()
  expect(await looking).toMatchObject([{ reading: undefined }, { reading: undefined }])
  expect(hanging.isAbandoned).toBe(true)
  hanging.end()
  await reader.look(stopping.signal)
  expect(started).toHaveLength(1)
})
