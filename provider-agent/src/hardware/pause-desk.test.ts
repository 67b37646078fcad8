import { expect, it } from 'vitest'
import { EventLog, type AgentEvent } from '../events.ts'
import { Availability } from './availability.ts'
import { parseHours } from './hours.ts'
import { PauseDesk } from './pause-desk.ts'

/** Local time on a Wednesday; open from 22:00 on. */
const at = (hour: number): number => new Date(2026, 6, 1, hour).getTime()
const OPEN = at(23)
const SHUT = at(12)

/** A desk, its engine, and what both have told. */
function make({ keepsLoaded = false, canRest = true } = {}) {
  const events: AgentEvent[] = []
  const log = new EventLog((event) => void events.push(event), Date.now)
  const calls: string[] = []
  const ended = { promise: Promise.resolve() }
  const engine = {
    kind: 'tiny',
    models: [{ id: 'm', contextLength: 1, capabilities: [], endpoints: [] }],
    rest(): Promise<void> {
      calls.push('rest')
      return ended.promise
    },
    wake(): void {
      calls.push('wake')
    },
  }
  const availability = new Availability({ hours: parseHours('22:00-24:00'), keepsLoaded })
  const { kind, models } = engine
  const desk = new PauseDesk({
    availability,
    engine: canRest ? engine : { kind, models },
    events: log,
  })
  desk.start({ at: OPEN, now: 0 })
  /** Whether it was asked to rest or to wake by a tick, and what was told by then. */
  const tick = async (hour: number, second: number, working = 0) => {
    const hasChanged = desk.tick({ at: hour, now: second * 1000 }, working)
    await Promise.resolve()
    await Promise.resolve()
    return hasChanged
  }
  const told = () => events.map(({ event }) => event)
  return { desk, tick, told, calls, ended }
}

it('has the engine rest in a pause, and woken after it', async () => {
  const { desk, tick, told, calls } = make()
  expect(await tick(OPEN, 1)).toBe(false)
  expect(await tick(SHUT, 2)).toBe(true)
  expect([desk.isOpen, desk.isResting]).toEqual([false, false])
  expect(await tick(SHUT, 10)).toBe(false)
  expect([desk.isResting, calls]).toEqual([true, ['rest']])
  expect(told()).toEqual(['paused', 'resting'])
  expect(await tick(OPEN, 60)).toBe(true)
  await tick(OPEN, 65)
  expect([desk.isResting, calls]).toEqual([false, ['rest', 'wake']])
  expect(told()).toEqual(['paused', 'resting', 'resumed', 'waking'])
})

it('leaves the engine alone while something is in work', async () => {
  const { tick, calls } = make()
  for (let second = 1; second < 60; second++) await tick(SHUT, second, 1)
  expect(calls).toEqual([])
  await tick(SHUT, 68)
  expect(calls).toEqual([])
  await tick(SHUT, 69)
  expect(calls).toEqual(['rest'])
})

it.each([
  ['the owner keeps it loaded', { keepsLoaded: true }],
  ['it cannot rest', { canRest: false }],
])('leaves the engine alone where %s', async (_, options) => {
  const { tick, told, calls } = make(options)
  await tick(SHUT, 1)
  await tick(SHUT, 600)
  await tick(OPEN, 601)
  await tick(OPEN, 700)
  expect([told(), calls]).toEqual([['paused', 'resumed'], []])
})

it('leaves the engine alone when the agent is about to end', async () => {
  const { desk, tick, calls } = make()
  desk.leave()
  await tick(SHUT, 600)
  expect(calls).toEqual([])
})

it('tells of a rest when the memory is free, and not of one that was broken off', async () => {
  const { tick, told, calls, ended } = make()
  const first = Promise.withResolvers<void>()
  ended.promise = first.promise
  await tick(SHUT, 600)
  expect(told()).toEqual(['paused'])
  await tick(OPEN, 601)
  await tick(OPEN, 606)
  const second = Promise.withResolvers<void>()
  ended.promise = second.promise
  await tick(SHUT, 620)
  expect(calls).toEqual(['rest', 'wake', 'rest'])
  first.resolve()
  await tick(SHUT, 621)
  expect(told().at(-1)).toBe('paused')
  second.resolve()
  await tick(SHUT, 622)
  expect(told()).toEqual(['paused', 'resumed', 'paused', 'resting'])
})

it('does not take an engine of ours that loads its model for somebody else', () => {
  const seen: number[] = []
  class Seen extends Availability {
    override tick(now: number, running: number): boolean {
      seen.push(running)
      return super.tick(now, running)
    }
  }
  const engine = { kind: 'tiny', models: [], rest: async () => {}, wake: () => {} }
  const events = new EventLog(() => {}, Date.now)
  const desk = new PauseDesk({ availability: new Seen({}), engine, events })
  desk.tick({ at: OPEN, now: 1 }, 0)
  expect(seen).toEqual([1])
})
