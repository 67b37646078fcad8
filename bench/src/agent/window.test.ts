import { describe, expect, it } from 'vitest'
import { AGENT_LOADS } from './agent-load.ts'
import { JobBook } from './job-book.ts'
import { agentKinds, RELAY } from './subject.ts'
import { runWindow } from './window.ts'

const loads = ['json-1', '2ms-8', 'full-8', 'full-8-claims']

describe('a window', { timeout: 60_000 }, () => {
  it.each([RELAY, ...agentKinds().filter(({ name }) => name !== 'agent, packed')])(
    'times every job and chunk of: $name',
    async ({ start, shown }) => {
      const book = new JobBook()
      await using subject = await start(book)
      for (const name of loads) {
        const load = AGENT_LOADS.find((one) => one.name === name)!
        if (shown !== undefined && shown !== load.shown) continue
        const window = await runWindow(subject, book, load, 1)
        expect(window).toMatchObject({ failures: 0, reasons: [], jobs: load.concurrency })
        const events = load.stream ? load.chunks + 1 : 1
        expect(window.askUs).toHaveLength(load.concurrency)
        expect(window.chunkUs).toHaveLength(load.concurrency * events)
        expect(Math.min(...window.askUs, ...window.chunkUs)).toBeGreaterThan(0)
        expect(window.cpuUs).toBeGreaterThan(0)
      }
    },
  )
})
