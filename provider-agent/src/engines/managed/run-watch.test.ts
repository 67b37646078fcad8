import { expect, it } from 'vitest'
import type { EngineRequest, EngineRun, EngineSink } from '../engine.ts'
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
  const watch = new RunWatch(() => now)
  const sinks: EngineSink[] = []
  const begin = (more: Partial<EngineRequest> = {}) =>
    watch.begin({ ...request, ...more }, sink, (_, inner) => {
      sinks.push(inner)
      return run
    })
  expect(watch.silentMs).toBe(0)
  begin({ stream: false })
  const first = begin()
  now += 50
  expect(watch.silentMs).toBe(50)
  begin()
  sinks[2]?.data(new Uint8Array(1))
  now += 10
  expect(watch.silentMs).toBe(10)
  sinks[2]?.finish('stop')
  first.pause()
  now += 1_000
  expect(watch.silentMs).toBe(0)
  first.resume()
  now += 5
  expect(watch.silentMs).toBe(5)
  first.abort()
  expect(watch.silentMs).toBe(0)
})
