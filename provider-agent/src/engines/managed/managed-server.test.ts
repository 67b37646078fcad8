import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { EngineModel } from '../engine.ts'
import { ManagedServer } from './managed-server.ts'
import { SUPERVISOR_LIMITS } from './supervisor.ts'

/** A server that is well, and nothing else. */
const SCRIPT = `require('node:http').createServer((_, reply) => reply.end()).listen(process.argv[1])`

/** A server that is up; what its engine sees of it is the test's to say. */
async function running() {
  const socket = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'engine.sock')
  const server = new ManagedServer({
    kind: 'llama-server',
    model: { id: 'm', path: '/m.gguf' },
    command: { file: process.execPath, args: ['-e', SCRIPT, socket], env: {} },
    socket,
    key: 'key',
    confine: (command) => command,
    needs: { model: '/m.gguf', socket, gpu: false },
    limits: { ...SUPERVISOR_LIMITS, startPollMs: 20, pollMs: 50 },
    random: () => 0,
    now: () => performance.now(),
    tell: () => {},
  })
  onTestFinished(() => server.close())
  const seen: { models: readonly EngineModel[] } = { models: [] }
  vi.spyOn(server.http, 'models', 'get').mockImplementation(() => seen.models)
  const start = vi.spyOn(server.http, 'start').mockResolvedValue()
  const look = vi.spyOn(server.http, 'lookNow').mockResolvedValue()
  const changes: string[][] = []
  await server.start({
    modelsChanged: () => void changes.push(server.models.map(({ id }) => id)),
    trouble: () => {},
  })
  const sees = (models: readonly EngineModel[]): void => {
    seen.models = models
    start.mock.calls[0]?.[0].modelsChanged()
  }
  return { server, look, changes, sees }
}

const model = { id: 'm' } as EngineModel

it('tells that it is back where it is seen before those who waited for its end know of that', async () => {
  const { server, look, changes, sees } = await running()
  sees([model])
  const looked = Promise.withResolvers<void>()
  look.mockReturnValueOnce(looked.promise)
  const rested = server.rest()
  server.wake()
  await expect.poll(() => look.mock.calls.length).toBe(2)
  sees([model])
  expect(changes).toEqual([['m'], []])
  looked.resolve()
  await rested
  expect(changes).toEqual([['m'], [], ['m']])
})

it('tells nothing when it has gone to rest, or is closed meanwhile', async () => {
  const { server, look, changes, sees } = await running()
  sees([])
  await server.rest()
  expect(changes).toEqual([[]])
  server.wake()
  await expect.poll(() => look.mock.calls.length).toBe(2)
  sees([model])
  const rested = server.rest()
  await server.close()
  await rested
  expect(changes).toEqual([[], ['m']])
})
