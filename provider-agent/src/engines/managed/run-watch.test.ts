import { expect, it } from 'vitest'
import type { EngineRequest, EngineRun, EngineSink } from '../engine.ts'
import { HangWatch } from './hang-watch.ts'
import { RunWatch } from './run-watch.ts'

const request = { stream: true } as EngineRequest
const sink: EngineSink = { data: () => {}, finish: () => {}, fail: () => {} }
const run: EngineRun = {
  pause: () => {},
  resume: () => {},
  abort: () => {},
  usage: () => ({ prompt_tokens: 1, completion_tokens: 1 }),
}

it('counts the silence of the engine, not that of one answer beside others', () => {
  let now = 1_000
  const hang = new HangWatch(() => now)
  const watch = new RunWatch(hang)
  const sinks: EngineSink[] = []
  const begin = (more: Partial<EngineRequest> = {}) =>
    watch.begin({ ...request, ...more }, sink, (_, inner) => {
      sinks.push(inner)
      return run
    })
  expect(hang.silentMs).toBe(0)
  const first = begin()
  now += 50
  expect(hang.silentMs).toBe(50)
  begin()
  sinks[1]?.data(new Uint8Array(1))
  now += 10
  expect(hang.silentMs).toBe(10)
  sinks[1]?.finish('stop')
  first.pause()
  now += 1_000
  expect(hang.silentMs).toBe(0)
  first.resume()
  now += 5
  expect(hang.silentMs).toBe(5)
  first.abort()
  first.resume()
  now += 1_000
  expect(hang.silentMs).toBe(5)
})

it('counts on across jobs that were given up on or failed, whole answers too, until one is answered', () => {
  let now = 1_000
  const hang = new HangWatch(() => now)
  const watch = new RunWatch(hang)
  let inner: EngineSink = sink
  const begin = (stream: boolean) =>
    watch.begin({ ...request, stream }, sink, (_, its) => {
      inner = its
      return run
    })
  const first = begin(true)
  now += 60
  first.abort()
  now += 1_000
  begin(false)
  now += 40
  inner.fail({ fault: 'provider', code: 'x', message: '' })
  expect(hang.silentMs).toBe(100)
  begin(false)
  now += 10
  expect(hang.silentMs).toBe(110)
  inner.finish('stop')
  expect(hang.silentMs).toBe(0)
})
