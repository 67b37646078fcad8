import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { firstLine, startChild, untilReady } from '../child-process.ts'
import { freePort } from '../loopback.ts'
import { BENCH_MODEL } from '../mock-engine.ts'
import { lineParser } from '../ready-line.ts'
import type { Target } from '../target.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** The database is created and migrated first. */
const START_LIMIT_MS = 60_000

/** Login, capability check of the engine and announcement. */
const AGENT_LIMIT_MS = 30_000

/** The line that `scripts/start.ts --json` prints when the edge answers. */
const readyLine = z.object({
  ready: z.literal(true),
  base_url: z.string(),
  api_key: z.string(),
  edge_url: z.string(),
  pids: z.object({ edge: z.number(), database: z.number() }),
})

const demoFile = z.object({ accountId: z.string() })

const modelList = z.object({ data: z.array(z.object({ id: z.string() })) })

/** Infernet with the edge on Node. */
export const infernetNode: Target = infernet('infernet-node', [])

/** Infernet with the edge on workerd. */
export const infernetWorkerd: Target = infernet('infernet-workerd', ['--host=workerd'])

/** Lets the demo account run as many requests at once as the largest scenario has clients. */
async function liftLimits(edgeUrl: string, stateDir: string): Promise<void> {
  const token = (await readFile(join(stateDir, 'operator-token'), 'utf8')).trim()
  const { accountId } = demoFile.parse(
    JSON.parse(await readFile(join(stateDir, 'demo.json'), 'utf8')),
  )
  const response = await fetch(`${edgeUrl}/operator/accounts/${accountId}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ max_concurrent: null }),
  })
  if (!response.ok) throw new Error(`the account's limits stay: ${await response.text()}`)
}

/** A whole Infernet: edge, database, one agent; `startFlags` choose the host. */
function infernet(name: string, startFlags: readonly string[]): Target {
  return {
    name,
    start: async (engineUrl) => {
      await using cleanup = new AsyncDisposableStack()
      const data = await mkdtemp(join(tmpdir(), `bench-${name}-`))
      cleanup.defer(() => rm(data, { recursive: true, force: true }))
      const edge = startChild({
        name: `${name} edge`,
        args: [
          'scripts/start.ts',
          '--json',
          '--no-agent',
          '--fresh',
          `--port=${await freePort()}`,
          `--data=${join(data, 'edge')}`,
          ...startFlags,
        ],
        cwd: ROOT,
      })
      cleanup.defer(() => edge.stop())
      const ready = await firstLine(edge, lineParser(readyLine), START_LIMIT_MS)
      await liftLimits(ready.edge_url, join(data, 'edge'))
      const agent = startChild({
        name: `${name} agent`,
        args: [
          'provider-agent/src/cli/main.ts',
          'run',
          `--edge=${ready.edge_url}`,
          '--engine=openai-http',
          `--engine-url=${engineUrl}`,
          `--model=${BENCH_MODEL}`,
          '--slots=1024',
          `--data=${join(data, 'agent')}`,
        ],
        cwd: ROOT,
      })
      cleanup.defer(() => agent.stop())
      const headers = { authorization: `Bearer ${ready.api_key}` }
      const lists = async () => {
        const response = await fetch(`${ready.base_url}/models`, { headers })
        const { data: models } = modelList.parse(await response.json())
        return models.some(({ id }) => id === BENCH_MODEL)
      }
      await untilReady(agent, lists, AGENT_LIMIT_MS)
      const running = cleanup.move()
      const { edge: gateway, database } = ready.pids
      return {
        baseUrl: ready.base_url,
        headers,
        model: BENCH_MODEL,
        pids: { gateway, database, agent: agent.pid },
        stop: () => running.disposeAsync(),
      }
    },
  }
}
