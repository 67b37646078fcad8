import { afterEach, describe, expect, it, vi } from 'vitest'
import { Availability } from './availability.ts'
import type { CommandRunner } from './command-runner.ts'
import { GpuWatch } from './gpu-watch.ts'
import { GPU_WATCH_INTERVAL_MS } from './hardware-limits.ts'
import { parseHours } from './hours.ts'

/** Local time on a Wednesday. */
const at = (hour: number) => new Date(2026, 6, 1, hour).getTime()

const open: Availability[] = []
afterEach(() => {
  for (const availability of open.splice(0)) availability.close()
  vi.useRealTimers()
})

describe('availability', () => {
  it('follows the owner’s hours, and tells of each change once', () => {
    const availability = new Availability({ hours: parseHours('22:00-08:00') })
    availability.start(at(9))
    expect(availability.closedBy).toBe('hours')
    expect(availability.tick(at(21), 0)).toBe(false)
    expect(availability.tick(at(22), 0)).toBe(true)
    expect(availability.closedBy).toBeUndefined()
    expect(availability.tick(at(23), 0)).toBe(false)
  })

  it('is always there where the owner says nothing', () => {
    const availability = new Availability({})
    availability.start(at(3))
    expect(availability.tick(at(15), 2)).toBe(false)
    expect(availability.closedBy).toBeUndefined()
  })

  it('follows the GPUs, whose load is not held against them while jobs run', async () => {
    vi.useFakeTimers()
    const gpu = { busy: 99 }
    const run: CommandRunner = async (_, [query = '']) => {
      const fields = query.replace('--query-gpu=', '').split(',')
      const cells = fields.map((field) => (field === 'utilization.gpu' ? gpu.busy : 'x'))
      return { code: 0, stdout: cells.join(', '), stderr: '' }
    }
    const watch = new GpuWatch({ run, limits: { pauseWhenBusy: true } })
    const availability = new Availability({ watch })
    open.push(availability)
    availability.start(at(0))
    const look = async (running: number) => {
      availability.tick(at(0), running)
      await vi.advanceTimersByTimeAsync(GPU_WATCH_INTERVAL_MS)
      availability.tick(at(0), running)
      return availability.closedBy
    }
    for (let i = 0; i < 4; i++) expect(await look(1)).toBeUndefined()
    const ours = [await look(0), await look(0), await look(0)]
    expect(ours).toEqual([undefined, undefined, 'in_use'])
    gpu.busy = 0
    expect([await look(0), await look(0)]).toEqual(['in_use', undefined])
  })
})
