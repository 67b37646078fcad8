import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { failed, ok, skipped, type Check } from './check.ts'
import { runChecks } from './run-checks.ts'

const never = new AbortController().signal
const options = { signal: never, now: () => performance.now() }
const check = (id: string, more: Partial<Check> = {}): Check => ({
  id,
  name: `the ${id}`,
  run: () => ok('fine'),
  ...more,
})
const endless = (signal: AbortSignal): Promise<never> =>
  sleep(1e9, undefined, { signal }) as Promise<never>

describe('runChecks', () => {
  it('runs them side by side, and keeps their order', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const first = check('a', { run: () => promise.then(() => ok('late')) })
    const second = check('b', { run: () => (resolve(), failed('bad', 'mend it')) })
    const results = await runChecks([first, second], options)
    expect(results.map(({ id, outcome, said }) => [id, outcome, said])).toEqual([
      ['a', 'ok', 'late'],
      ['b', 'failed', 'bad'],
    ])
  })

  it('does not try what depends on what has failed, nor what depends on that', async () => {
    const checks = [
      check('a', { run: () => failed('down', 'start it') }),
      check('b', { after: 'a', run: () => ok('never said') }),
      check('c', { after: 'b', run: () => ok('never said') }),
      check('d', { run: () => skipped('not asked') }),
      check('e', { after: 'd', run: () => ok('never said') }),
    ]
    const said = (await runChecks(checks, options)).map(({ said: text }) => text)
    const hint = 'not tried: see the a'
    expect(said).toEqual(['down', hint, hint, 'not asked', 'not asked'])
  })

  it('gives up one that takes too long, also when it does not listen', async () => {
    let told = false
    const run = (signal: AbortSignal) => {
      signal.addEventListener('abort', () => (told = true))
      return new Promise<never>(() => {})
    }
    const results = await runChecks([check('a', { limitMs: 20, run }), check('b')], options)
    expect(results.map(({ outcome }) => outcome)).toEqual(['failed', 'ok'])
    expect(results[0]?.said).toBe('no result in 0.02 s')
    expect(told).toBe(true)
  })

  it('stops at once when it is told to', async () => {
    const stopping = new AbortController()
    const running = runChecks([check('a', { run: endless }), check('b')], {
      ...options,
      signal: stopping.signal,
      onProgress: () => stopping.abort(),
    })
    const outcomes = (await running).map(({ outcome, said }) => [outcome, said])
    expect(outcomes).toEqual([
      ['skipped', 'stopped'],
      ['ok', 'fine'],
    ])
  })

  it('says what it waits for', async () => {
    const last = Promise.withResolvers<void>()
    const checks = [
      check('a'),
      check('b', { waitsFor: 'a server', run: () => last.promise.then(() => ok('late')) }),
    ]
    const told: string[][] = []
    const onProgress = (waiting: readonly string[]) => {
      told.push([...waiting])
      last.resolve()
    }
    await runChecks(checks, { ...options, onProgress })
    expect(told).toEqual([['the b (a server)'], []])
  })

  it('takes what a check throws for its failure', async () => {
    const run = () => Promise.reject(new Error('disk on fire'))
    const [result] = await runChecks([check('a', { run })], options)
    expect(result).toMatchObject({ outcome: 'failed', said: 'disk on fire' })
  })
})
