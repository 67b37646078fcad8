import * as fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { CommandRunner } from './command-runner.ts'
import { busiestDrawing, parseDrawing } from './drawing-programs.ts'
import { GpuWatch } from './gpu-watch.ts'
import { GPU_WATCH_INTERVAL_MS } from './hardware-limits.ts'
import { replayed } from './testing/replay.ts'

const GAME = 'pmon-game-beside-llama-server.txt'
const watches: GpuWatch[] = []
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close()
  vi.useRealTimers()
})

describe('programs that draw', () => {
  it.each([
    [GAME, 38],
    ['pmon-vulkan-llama-server.txt', 4],
    ['pmon-not-supported.txt', undefined],
    ['no-driver.txt', undefined],
  ])('%s: the busiest takes %s percent', async (file, percent) => {
    expect(await busiestDrawing(replayed(file))).toBe(percent)
  })

  it('are told from any text in bounds, or not at all', () => {
    const word = fc.constantFrom(
      '# gpu',
      'pid',
      'type',
      'sm',
      'command',
      'G',
      'C+G',
      '77',
      '-',
      '\n',
    )
    const anyText = fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join(' ')),
    )
    fc.assert(
      fc.property(anyText, (text) => {
        const percent = parseDrawing(text) ?? 0
        expect(percent >= 0 && percent <= 100).toBe(true)
      }),
    )
  })
})

/** A watch over a GPU that our jobs keep busy, whose programs a sample tells. */
async function makeWatch(file: string) {
  vi.useFakeTimers()
  const asked = { programs: 0 }
  const run: CommandRunner = async (program, args) => {
    if (args[0] === 'pmon') {
      asked.programs++
      return replayed(file)(program, args)
    }
    const fields = (args[0] ?? '').replace('--query-gpu=', '').split(',')
    const cells = fields.map((field) => (field === 'utilization.gpu' ? 99 : 'x'))
    return { code: 0, stdout: cells.join(', '), stderr: '' }
  }
  const watch = new GpuWatch({ run, limits: { pauseWhenBusy: true } })
  watches.push(watch)
  const look = async (works: boolean) => {
    if (works) watch.works()
    await vi.advanceTimersByTimeAsync(GPU_WATCH_INTERVAL_MS)
    return watch.room
  }
  watch.start()
  await vi.advanceTimersByTimeAsync(0)
  return { asked, look }
}

describe('a GPU watch beside our jobs', () => {
  it('sees a game in two looks', async () => {
    const { look } = await makeWatch(GAME)
    expect([await look(true), await look(true), await look(true)]).toEqual([
      'open',
      'in_use',
      'in_use',
    ])
  })

  it('stays open where the driver does not tell programs apart', async () => {
    const { look } = await makeWatch('pmon-not-supported.txt')
    expect([await look(true), await look(true), await look(true)]).not.toContain('in_use')
  })

  it('asks for programs only while our jobs run', async () => {
    const { asked, look } = await makeWatch(GAME)
    await look(false)
    expect(asked.programs).toBe(0)
    await look(true)
    expect(asked.programs).toBe(1)
  })
})
