import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import {
  cpuTimes,
  parseSchedstatUs,
  parseStatusBytes,
  parseStatUs,
  readUsage,
} from './process-usage.ts'

describe('parsing /proc', () => {
  it('reads nanoseconds on a processor', () =>
    expect(parseSchedstatUs('287245156 827730 31\n')).toBeCloseTo(287_245.156))

  it('reads ticks behind a name with spaces and brackets', () => {
    const stat = '42 (a) b (c) S 1 42 42 0 -1 4194304 99 0 0 0 250 50 0 0 20 0 1 0'
    expect(parseStatUs(stat)).toBe(3_000_000)
  })

  it('reads sizes, and nothing for a missing field', () => {
    const status = 'Name:\tnode\nVmHWM:\t    1772 kB\nVmRSS:\t    1000 kB\n'
    expect(parseStatusBytes(status, 'VmRSS')).toBe(1_024_000)
    expect(parseStatusBytes(status, 'VmSwap')).toBe(0)
  })
})

describe('readUsage', () => {
  it('counts a process with two roles once', () => {
    const usage = readUsage({ gateway: process.pid, database: process.pid })
    expect(Object.keys(usage)).toEqual(['gateway'])
    expect(usage['gateway']!.rssBytes).toBeGreaterThan(0)
    expect(usage['gateway']!.cpuUs).toBeGreaterThan(0)
  })

  it('counts from times that were read before, whichever threads have ended since', async () => {
    const busy = 'const until = Date.now() + 300; while (Date.now() < until);'
    const script = `${busy} require("node:worker_threads").parentPort.postMessage(0); setInterval(() => {}, 1000)`
    const worker = new Worker(script, { eval: true })
    await once(worker, 'message')
    const before = cpuTimes({ bench: process.pid })
    await worker.terminate()
    const { cpuUs } = readUsage({ bench: process.pid }, before)['bench']!
    expect(cpuUs).toBeGreaterThan(0)
    expect(cpuUs).toBeLessThan(readUsage({ bench: process.pid })['bench']!.cpuUs)
  })

  it('reads nothing of a process that is gone', () =>
    expect(readUsage({ gateway: 2 ** 30 })['gateway']).toEqual({
      cpuUs: 0,
      rssBytes: 0,
      peakRssBytes: 0,
    }))
})
