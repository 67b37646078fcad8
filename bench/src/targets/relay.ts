import { join } from 'node:path'
import { z } from 'zod'
import { firstLine, startChild } from '../child-process.ts'
import { BENCH_MODEL } from '../mock-engine.ts'
import { lineParser, listening } from '../ready-line.ts'
import type { Target } from '../target.ts'

const SCRIPT = join(import.meta.dirname, '../relay.ts')
const START_LIMIT_MS = 10_000

/** The bare relay of our topology, in two processes. */
export const relay: Target = {
  name: 'relay',
  start: async (engineUrl) => {
    await using cleanup = new AsyncDisposableStack()
    const gateway = startChild({ name: 'relay gateway', args: [SCRIPT, 'gateway'] })
    cleanup.defer(() => gateway.stop())
    const { url } = await firstLine(gateway, lineParser(listening), START_LIMIT_MS)
    const socketUrl = url.replace('http:', 'ws:')
    const agent = startChild({ name: 'relay agent', args: [SCRIPT, 'agent', socketUrl, engineUrl] })
    cleanup.defer(() => agent.stop())
    await firstLine(agent, lineParser(z.object({ ready: z.literal(true) })), START_LIMIT_MS)
    const running = cleanup.move()
    return {
      baseUrl: `${url}/v1`,
      headers: {},
      model: BENCH_MODEL,
      pids: { gateway: gateway.pid, agent: agent.pid },
      stop: () => running.disposeAsync(),
    }
  },
}
