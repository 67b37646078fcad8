import { afterEach, describe, expect, it, vi } from 'vitest'
import type { CommandRunner } from './command-runner.ts'
import { GpuWatch } from './gpu-watch.ts'
import { GPU_WATCH_INTERVAL_MS } from './hardware-limits.ts'

const watches: GpuWatch[] = []
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close()
  vi.useRealTimers()
})

/** A watch over a GPU of so many degrees, whose driver does not know `refuses`. */
function makeWatch(refuses?: string) {
  vi.useFakeTimers()
  const gpu = { temperature: 60, gone: false }
  const asked: string[] = []
  const run: CommandRunner = async (_file, [query = '']) => {
    asked.push(query)
    const fields = query.replace('--query-gpu=', '').split(',')
    if (gpu.gone) return { code: 15, stdout: 'Unable to determine the device handle', stderr: '' }
    if (refuses !== undefined && fields.includes(refuses)) {
      return { code: 2, stdout: `Field "${refuses}" is not a valid field to query.\n`, stderr: '' }
    }
    const cells = fields.map((field) => (field === 'temperature.gpu' ? gpu.temperature : '[N/A]'))
    return { code: 0, stdout: `${cells.join(', ')}\n`, stderr: '' }
  }
  const blind = { times: 0 }
  const watch = new GpuWatch({
    run,
    limits: { maxTemperatureC: 80, pauseWhenBusy: true },
    onBlind: () => blind.times++,
  })
  watches.push(watch)
  const nextLook = () => vi.advanceTimersByTimeAsync(GPU_WATCH_INTERVAL_MS)
  return { watch, gpu, asked, blind, nextLook }
}

describe('a GPU watch', () => {
  it('follows the GPUs, one look every ten seconds', async () => {
    const { watch, gpu, asked, nextLook } = makeWatch()
    watch.start()
    await vi.advanceTimersByTimeAsync(0)
    expect([watch.room, asked.length]).toEqual(['open', 1])
    gpu.temperature = 90
    await vi.advanceTimersByTimeAsync(GPU_WATCH_INTERVAL_MS - 1)
    expect([watch.room, asked.length]).toEqual(['open', 1])
    await vi.advanceTimersByTimeAsync(1)
    expect([watch.room, asked.length]).toEqual(['hot', 2])
    gpu.temperature = 60
    await nextLook()
    expect(watch.room).toBe('open')
    expect(watch.readings).toMatchObject([{ temperatureC: 60, busyPercent: undefined }])
  })

  it('stays shut while the GPU is gone, and says so once', async () => {
    const { watch, gpu, blind, nextLook } = makeWatch()
    gpu.temperature = 90
    watch.start()
    await vi.advanceTimersByTimeAsync(0)
    gpu.gone = true
    await nextLook()
    await nextLook()
    expect([watch.room, blind.times]).toEqual(['hot', 1])
    gpu.gone = false
    gpu.temperature = 50
    await nextLook()
    expect(watch.room).toBe('open')
  })

  it('asks an old driver once for what it does not know', async () => {
    const { watch, asked, nextLook } = makeWatch('power.draw')
    watch.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(asked).toHaveLength(2)
    await nextLook()
    expect(asked).toHaveLength(3)
    expect(asked.filter((query) => query.includes('power.draw'))).toHaveLength(1)
  })

  it('looks no more once it is closed', async () => {
    const { watch, asked, nextLook } = makeWatch()
    watch.start()
    watch.close()
    await nextLook()
    expect(asked).toHaveLength(1)
  })
})
