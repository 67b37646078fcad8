import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ask, contentOf, RecordingSink, requestOf } from '../engine-conformance.ts'
import { SUPERVISOR_LIMITS, type SupervisorLimits } from '../managed/supervisor.ts'
import { demoModel } from '../model-file.ts'
import { LlamaCppEngine } from './llama-cpp.ts'
import { LLAMA_RIM } from './llama-process.ts'

const model = 'infernet-demo'
const question = { messages: [{ role: 'user', content: 'What is Infernet?' }] }
/** The demo model's end of text, so that an answer goes on until its context is full. */
const endless = { ...question, logit_bias: { 1022: -100 } }
const SOON = { timeout: 20_000 }
const MIB = 1024 ** 2
const program = process.execPath

/** Times that the clock was looked at. */
let looks: number
let limits: { -readonly [K in keyof SupervisorLimits]: number }
let engine: LlamaCppEngine
let troubles: string[]
beforeEach(async () => {
  limits = { ...SUPERVISOR_LIMITS, startPollMs: 20, pollMs: 50 }
  const options = { files: [demoModel()], slots: 2, gpu: false }
  looks = 0
  const now = (): number => {
    looks++
    return performance.now()
  }
  engine = new LlamaCppEngine(options, Date.now, {
    ...LLAMA_RIM,
    limits,
    healthMs: 500,
    random: () => 0,
    now,
  })
  troubles = []
  await engine.start({
    modelsChanged: () => {},
    trouble: (message) => void troubles.push(message),
  })
})
afterEach(async () => {
  process.execPath = program
  await engine.close()
})

/** Our only child, where it lives. */
function childPid(): number | undefined {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
  return children.trim() === '' ? undefined : Math.max(...children.trim().split(' ').map(Number))
}

async function comesBack(): Promise<void> {
  await expect.poll(() => engine.models.length, SOON).toBe(1)
  expect((await ask(engine, model, question)).finishReason).toBe('stop')
}

it.each([
  ['says later that it cannot start a process', '/nowhere/node', /ENOENT/],
  ['refuses at once to start a process', '/nowhere\0', /null bytes/],
])(
  'tries again, later each time, where the system %s',
  async (_, missing, words) => {
    process.execPath = missing
    process.kill(childPid()!, 'SIGKILL')
    await expect.poll(() => troubles.length, SOON).toBe(3)
    expect(troubles[0]).toMatch(/^infernet-demo: llama.cpp was ended by SIGKILL; .* in 0.5 s$/)
    expect(troubles[1]).toMatch(words)
    expect(troubles[1]).toMatch(/was not started: .*; starting it again in 1 s$/s)
    expect(troubles[2]).toMatch(/; starting it again in 2 s$/)
    process.execPath = program
    await comesBack()
  },
  30_000,
)

it('is killed and started again when it does not answer any more: its job fails over', async () => {
  const sink = new RecordingSink()
  engine.begin(requestOf(model, endless, { max_output_tokens: 900 }), sink)
  await sink.begun
  limits.deafMs = 500
  const pid = childPid()!
  process.kill(pid, 'SIGSTOP')
  await sink.settled
  expect(sink.error).toMatchObject({ fault: 'provider', code: 'engine_crashed' })
  expect(troubles).toEqual([
    expect.stringMatching(/llama.cpp has not answered for \d+ s, and was killed; starting it/),
  ])
  limits.deafMs = SUPERVISOR_LIMITS.deafMs
  await comesBack()
  expect(childPid()).not.toBe(pid)
}, 30_000)

it('is killed and started again when it lets an answer wait in silence', async () => {
  limits.silentMs = 200
  process.kill(childPid()!, 'SIGSTOP')
  const sink = new RecordingSink()
  engine.begin(requestOf(model, question), sink)
  await sink.settled
  expect(sink.error).toMatchObject({ fault: 'provider', code: 'engine_crashed' })
  expect(troubles[0]).toMatch(/has let an answer wait for \d+ s, and was killed/)
  limits.silentMs = SUPERVISOR_LIMITS.silentMs
  await comesBack()
}, 30_000)

it('answers as ever while it is asked for signs of life again and again, and is not killed', async () => {
  const long = { ...endless, max_tokens: 200 }
  const before = await ask(engine, model, long)
  limits.doubtMs = -1
  limits.silentMs = 500
  const until = performance.now() + 2_000
  while (performance.now() < until) {
    const run = engine.begin(requestOf(model, endless), new RecordingSink())
    run.abort()
    expect(contentOf((await ask(engine, model, long)).text)).toBe(contentOf(before.text))
  }
  expect([troubles, engine.models.length]).toEqual([[], 1])
}, 30_000)

it('runs out of memory: its job fails over, and others are answered again', async () => {
  const limit = [`--pid=${childPid()}`, `--data=${MIB}:unlimited`]
  expect(spawnSync('prlimit', limit).status).toBe(0)
  // Longer than what the process has got already and is free in it.
  const long = { messages: [{ role: 'user', content: 'memory '.repeat(MIB / 2) }] }
  expect((await ask(engine, model, long)).error).toMatchObject({
    fault: 'provider',
    code: 'engine_crashed',
  })
  await comesBack()
  // With memory it is only too long.
  expect((await ask(engine, model, long)).error).toMatchObject({ fault: 'request' })
}, 60_000)

it('may be silent while nobody reads', async () => {
  const sink = new RecordingSink()
  const run = engine.begin(requestOf(model, endless, { max_output_tokens: 900 }), sink)
  await sink.begun
  run.pause()
  limits.silentMs = 200
  const before = looks
  await expect.poll(() => looks - before, SOON).toBeGreaterThan(20)
  expect(troubles).toEqual([])
  run.abort()
})

it('is not killed for a job that waits behind others which nobody reads', async () => {
  const held = [new RecordingSink(), new RecordingSink()].map((sink) => ({
    sink,
    run: engine.begin(requestOf(model, endless, { max_output_tokens: 900 }), sink),
  }))
  await Promise.all(held.map(({ sink }) => sink.begun))
  for (const { run } of held) run.pause()
  limits.doubtMs = 100
  limits.silentMs = 1_000
  const sink = new RecordingSink()
  engine.begin(requestOf(model, question), sink)
  await sleep(4_000)
  expect([troubles, engine.models.length]).toEqual([[], 1])
  held[0]?.run.abort()
  await sink.settled
  expect(sink.error).toBeUndefined()
  held[1]?.run.abort()
}, 30_000)

it('is killed and started again when it hangs while it loads', async () => {
  const before = childPid()!
  process.kill(before, 'SIGKILL')
  await expect.poll(() => childPid() ?? before, { ...SOON, interval: 1 }).not.toBe(before)
  process.kill(childPid()!, 'SIGSTOP')
  limits.startMs = 500
  await expect.poll(() => troubles.length, SOON).toBe(2)
  expect(troubles[1]).toMatch(/has not answered for \d+ s, and was killed/)
  limits.startMs = SUPERVISOR_LIMITS.startMs
  await comesBack()
}, 30_000)

it('is stopped while it hangs, all the same', async () => {
  process.kill(childPid()!, 'SIGSTOP')
  await engine.close()
  expect(childPid()).toBeUndefined()
})
