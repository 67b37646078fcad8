import { startChild, untilReady } from '../child-process.ts'
import { LOOPBACK, freePort } from '../loopback.ts'
import { BENCH_MODEL } from '../mock-engine.ts'
import { installPortkey } from '../portkey.ts'
import type { Target } from '../target.ts'

const START_LIMIT_MS = 30_000

/** Portkey's gateway as its authors publish it, without its log page. */
export const portkey: Target = {
  name: 'portkey',
  start: async (engineUrl) => {
    const script = await installPortkey()
    const port = await freePort()
    await using cleanup = new AsyncDisposableStack()
    const gateway = startChild({
      name: 'portkey',
      args: [script, `--port=${port}`, '--headless'],
      env: { NODE_ENV: 'production' },
    })
    cleanup.defer(() => gateway.stop())
    const url = `http://${LOOPBACK}:${port}`
    await untilReady(gateway, async () => (await fetch(url)).ok, START_LIMIT_MS)
    const running = cleanup.move()
    return {
      baseUrl: `${url}/v1`,
      headers: { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${engineUrl}/v1` },
      model: BENCH_MODEL,
      pids: { gateway: gateway.pid },
      stop: () => running.disposeAsync(),
    }
  },
}
