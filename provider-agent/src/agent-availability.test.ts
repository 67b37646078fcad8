import { FRAME } from '@infernet/schemas/frame'
import { busySchema, decodeControl } from '@infernet/schemas/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { TinyEngine } from './engines/tiny.ts'
import { demoModel } from './engines/model-file.ts'
import { Availability } from './hardware/availability.ts'
import type { CommandRunner } from './hardware/command-runner.ts'
import { GpuWatch } from './hardware/gpu-watch.ts'
import { HardwareRecord } from './hardware/hardware-record.ts'
import { runAgent } from './testing/run-agent.ts'

const hello = {
  model: 'infernet-demo',
  messages: [{ role: 'user', content: 'hello' }],
  stream: true,
}

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** An agent that is open below 80 degrees, and what its GPU has. */
async function makeAgent() {
  const gpu = { temperature: 60 }
  const run: CommandRunner = async (_, [query = '']) => {
    const fields = query.replace('--query-gpu=', '').split(',')
    const cells = fields.map((field) => (field === 'temperature.gpu' ? gpu.temperature : 'x'))
    return { code: 0, stdout: cells.join(', '), stderr: '' }
  }
  const watch = new GpuWatch({ run, limits: { maxTemperatureC: 80 }, intervalMs: 20 })
  const { session, events, stop } = await runAgent({
    engine: new TinyEngine([demoModel()], Date.now),
    slots: 4,
    hardware: new HardwareRecord(Promise.resolve({ gpus: [], memory_mib: 1234 })),
    availability: new Availability({ watch }),
  })
  stops.push(stop)
  const offered = (count: number) =>
    session.until(() => session.capability?.models.length === count || undefined, 'offer', 15_000)
  return { session, events, gpu, offered }
}

describe('an agent whose owner has limits', () => {
  it('offers nothing beyond them, refuses what comes, and goes on when it may', async () => {
    const { session, events, gpu, offered } = await makeAgent()
    await offered(1)
    expect(session.hello?.capability.hardware).toEqual({ gpus: [], memory_mib: 1234 })
    gpu.temperature = 85
    await offered(0)
    session.give(2, hello)
    const refused = () => session.of(2, FRAME.busy)[0]
    const busy = await session.until(refused, 'refusal')
    expect(decodeControl(busySchema, busy.payload).reason).toBe('slots')
    gpu.temperature = 60
    await offered(1)
    session.give(3, hello)
    expect((await session.answer(3)).end).toBeDefined()
    const told = events.filter(({ event }) => event === 'paused' || event === 'resumed')
    expect(told).toMatchObject([{ event: 'paused', why: 'hot' }, { event: 'resumed' }])
  })
})
