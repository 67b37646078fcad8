import { afterEach, expect, it, vi } from 'vitest'
import { AmdReader } from './amd-reader.ts'
import { COMMAND_TIMEOUT_MS } from './hardware-limits.ts'
import type { KernelFiles } from './kernel-files.ts'

afterEach(() => vi.useRealTimers())

/** Two cards, whose files do not answer while `isHung`, until `go` is called. */
function makeCards() {
  vi.useFakeTimers()
  const asked: string[] = []
  const waits: (() => void)[] = []
  const state = { isHung: false, inFlight: 0, most: 0 }
  const answer = async <T>(path: string, said: T): Promise<T> => {
    asked.push(path)
    state.most = Math.max(state.most, ++state.inFlight)
    await (state.isHung ? new Promise<void>((resolve) => waits.push(resolve)) : Promise.resolve())
    state.inFlight--
    return said
  }
  const files: KernelFiles = {
    read: (path) => answer(path, path.endsWith('/vendor') ? '0x1002' : String(8 * 1024 ** 3)),
    list: (path) => answer(path, path === '/sys/class/drm' ? ['card0', 'card1'] : ['hwmon0']),
  }
  const go = () => {
    state.isHung = false
    for (const wait of waits.splice(0)) wait()
  }
  return { reader: new AmdReader(files), asked, state, go }
}

it('reads one file after the other', async () => {
  const { reader, state } = makeCards()
  expect(await reader.read()).toMatchObject([{ totalMib: 8_192 }, { totalMib: 8_192 }])
  expect(state.most).toBe(1)
})

it('waits no longer than for a program, and begins nothing while a reading hangs', async () => {
  const { reader, asked, state, go } = makeCards()
  state.isHung = true
  const answers: unknown[] = []
  void reader.read().then((readings) => answers.push(readings))
  await vi.advanceTimersByTimeAsync(COMMAND_TIMEOUT_MS - 1)
  expect([answers, asked.length]).toEqual([[], 1])
  await vi.advanceTimersByTimeAsync(1)
  expect([answers, asked.length]).toEqual([[[]], 1])
  expect(await reader.read()).toEqual([])
  expect(asked).toHaveLength(1)
  go()
  await vi.advanceTimersByTimeAsync(0)
  const before = asked.length
  expect(await reader.read()).toHaveLength(2)
  expect(asked.length).toBeGreaterThan(before)
  expect(vi.getTimerCount()).toBe(0)
})
