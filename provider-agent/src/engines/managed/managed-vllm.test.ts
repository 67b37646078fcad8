import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import type { EngineProcessEvent } from '../../events.ts'
import { processesWith } from '../../testing/processes.ts'
import { ask, engineConformance, RecordingSink, requestOf } from '../engine-conformance.ts'
import { restConformance } from '../rest-conformance.ts'
import { ManagedEngine } from './managed.ts'
import { SUPERVISOR_LIMITS, type SupervisorLimits } from './supervisor.ts'

const events = { modelsChanged: () => {}, trouble: () => {} }

/** A file that can be run as `vllm` is. */
function program(script: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'vllm')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}

function vllmProgram(): string {
  const script = fileURLToPath(new URL('../../testing/vllm-program.ts', import.meta.url))
  return program(`exec '${process.execPath}' '${script}' "$@"`)
}

function modelFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
  writeFileSync(join(folder, 'config.json'), '{}')
  writeFileSync(join(folder, 'model.safetensors'), '')
  return folder
}

const make = (
  program: string,
  limits: Partial<SupervisorLimits> = {},
  env = process.env,
  folder = modelFolder(),
) =>
  new ManagedEngine(
    {
      kind: 'vllm',
      program,
      models: [{ id: 'big-model', path: folder }],
      slots: 4,
      context: 128,
      gpu: true,
      extra: [],
      checksMemory: true,
    },
    {
      env,
      memory: async () => ({ ramBytes: 0, gpus: [] }),
      limits: { ...SUPERVISOR_LIMITS, startPollMs: 20, ...limits },
    },
  )

engineConformance('a managed vLLM', async () => {
  const engine = make(vllmProgram())
  await engine.start(events)
  return { engine, model: 'big-model', longQuestion: 'hello', isReal: false }
})

restConformance('a managed vLLM', () => {
  const folder = modelFolder()
  return {
    engine: make(vllmProgram(), {}, process.env, folder),
    model: 'big-model',
    longQuestion: 'hello',
    processes: () => processesWith(folder).length,
  }
})

it('is killed and started again when it hangs inside, though each job is given up on long before', async () => {
  const folder = modelFolder()
  const limits = { pollMs: 20, doubtMs: 150, silentMs: 900 }
  const engine = make(vllmProgram(), limits, process.env, folder)
  const told: EngineProcessEvent[] = []
  await engine.start({ ...events, process: (event) => void told.push(event) })
  const server = () => processesWith(folder).find(({ args }) => args[0] === process.execPath)
  const { pid } = server()!
  process.kill(pid, 'SIGUSR2')
  const downs = () => told.filter(({ event }) => event === 'engine_down')
  const hello = { messages: [{ role: 'user', content: 'hello' }] }
  for (let i = 0; i < 2; i++) {
    const run = engine.begin(requestOf('big-model', hello), new RecordingSink())
    await sleep(100)
    run.abort()
  }
  expect(downs()).toEqual([])
  while (downs().length === 0) await sleep(10)
  const reason: unknown = expect.stringMatching(/^has let an answer wait for \d s, and was killed$/)
  expect(downs()).toEqual([expect.objectContaining({ reason })])
  while (engine.models.length === 0 || server() === undefined) await sleep(10)
  expect(server()?.pid).not.toBe(pid)
  expect((await ask(engine, 'big-model', hello)).error).toBeUndefined()
  await engine.close()
}, 20_000)

/** Says its version, and then does `script`. */
const scriptProgram = (script: string): string =>
  program(`[ "$1" = --version ] && exec echo 0.32.0\n${script}`)

it('can be closed while it starts, and then starts nothing more', async () => {
  const asked = make(vllmProgram())
  const refused = expect(asked.start(events)).rejects.toThrow('it did not answer')
  await asked.close()
  await refused
  const file = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'started')
  const loading = make(scriptProgram(`touch '${file}'\nexec sleep 600`))
  const ended = expect(loading.start(events)).rejects.toThrow('it was ended by SIGTERM')
  while (!existsSync(file)) await sleep(10)
  await loading.close()
  await ended
  expect(loading.models).toEqual([])
})

it('gives up on a first start that takes too long', async () => {
  const engine = make(scriptProgram('echo loading; exec sleep 600'), { startMs: 300 })
  await expect(engine.start(events)).rejects.toThrow(
    /has not answered for \d+ s, and was killed\n  loading$/,
  )
  await engine.close()
})

it('takes its workers with it, also those that it leaves behind', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'worker')
  const engine = make(scriptProgram(`sleep 600 & echo $! >'${file}'; exit 7`))
  await expect(engine.start(events)).rejects.toThrow('ended with code 7')
  const worker = Number(readFileSync(file, 'utf8'))
  while (isAlive(worker)) await sleep(10)
  await engine.close()
})

it('is asked for its version without what only the agent may know', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'environment')
  const secrets = { INFERNET_ENGINE_KEY: 'sk-1', INFERNET_CLIENT_KEY: 'sk-2' }
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: '1', ...secrets }
  const engine = make(program(`env >'${file}'; exit 3`), {}, env)
  await expect(engine.start(events)).rejects.toThrow('--version ended with code 3')
  const seen = readFileSync(file, 'utf8')
  expect(seen).toContain('CUDA_VISIBLE_DEVICES=1')
  expect(seen).not.toMatch(/^INFERNET_/m)
})

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
